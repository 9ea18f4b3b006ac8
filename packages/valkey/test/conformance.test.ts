// The contract, on real servers of two generations and behind a proxy that breaks the connection.

import { conformance } from "@kv/core/conformance";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { valkeyStore } from "../src/index.ts";

for (const name of ["valkey9", "valkey"] as const) {
  const { server, skipped } = await serverFor(vitest, name);
  if (skipped) {
    it.skip(`conformance of ${name}`);
    continue;
  }
  const { hostname, port, password } = new URL(server.url);
  const target = {
    name,
    open: (options: object) => valkeyStore({ url: server.url, ...options }),
    shared: true,
    server: { host: hostname, port: Number(port) },
    through: (address: { host: string; port: number }, options: object) =>
      valkeyStore({ ...address, ...(password && { password }), ...options }),
  };
  await conformance(target).register({ describe, it });
}
