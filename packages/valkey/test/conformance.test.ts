// The contract, on real servers of two generations behind a proxy that breaks the connection, and on their clusters.

import { conformance, type Target, underWrappers } from "@kv/core/conformance";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { valkeyStore } from "../src/index.ts";

async function register(targets: readonly Target[]): Promise<void> {
  for (const target of targets) await conformance(target).register({ describe, it });
}

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
  await register(name === "valkey9" ? underWrappers(target) : [target]);
}

for (const name of ["valkey9-cluster", "valkey-cluster"] as const) {
  const { server, skipped } = await serverFor(vitest, name);
  if (skipped) {
    it.skip(`conformance of ${name}`);
    continue;
  }
  await register([{ name, open: (options) => valkeyStore({ url: server.url, ...options }), shared: true }]);
}
