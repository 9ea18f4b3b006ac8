// The contract, on a real server and behind a proxy that breaks the connection: plain, under each wrapper, under all.

import { conformance, underWrappers } from "@kv/core/conformance";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { redisStore } from "../src/index.ts";

const { server, skipped } = await serverFor(vitest, "redis");

if (skipped) {
  it.skip("conformance");
} else {
  const { hostname, port, password } = new URL(server.url);
  const targets = underWrappers({
    name: "redis",
    open: (options) => redisStore({ url: server.url, ...options }),
    shared: true,
    server: { host: hostname, port: Number(port) },
    through: (address, options) => redisStore({ ...address, ...(password && { password }), ...options }),
  });
  for (const target of targets) await conformance(target).register({ describe, it });
}
