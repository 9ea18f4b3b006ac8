// The contract, on a real server, plain and behind a proxy that breaks the connection.

import { conformance } from "@kv/core/conformance";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { redisStore } from "../src/index.ts";

const { server, skipped } = await serverFor(vitest, "redis");

if (skipped) {
  it.skip("conformance");
} else {
  const { hostname, port, password } = new URL(server.url);
  await conformance({
    name: "redis",
    open: (options) => redisStore({ url: server.url, ...options }),
    shared: true,
    server: { host: hostname, port: Number(port) },
    through: (address, options) => redisStore({ ...address, ...(password && { password }), ...options }),
  }).register({ describe, it });
}
