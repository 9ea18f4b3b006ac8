// The contract, on a real server behind a proxy that breaks the connection: plain, under each wrapper, under all, and under
// stacks drawn at random; on a cluster, and under Sentinel.

import { conformance, type Target, underEachWrapper, underWrappers } from "@kv/core/conformance";
import { type ServerName, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { redisStore } from "../src/index.ts";

async function register(
  name: ServerName,
  targetsOf: (url: string) => readonly Target[] | Promise<readonly Target[]>,
): Promise<void> {
  const { server, skipped } = await serverFor(vitest, name);
  if (skipped) {
    it.skip(`conformance of ${name}`);
    return;
  }
  for (const target of await targetsOf(server.url)) await conformance(target).register({ describe, it });
}

await register("redis", (url) => {
  const { hostname, port, password } = new URL(url);
  return underEachWrapper({
    name: "redis",
    open: (options) => redisStore({ url, ...options }),
    shared: true,
    server: { host: hostname, port: Number(port) },
    through: (address, options) => redisStore({ ...address, ...(password && { password }), ...options }),
  });
});

await register("redis-cluster", (url) =>
  underWrappers({ name: "redis-cluster", open: (options) => redisStore({ url, ...options }), shared: true }),
);

await register("redis-sentinel", (url) => [
  { name: "redis-sentinel", open: (options) => redisStore({ url, ...options }), shared: true },
]);
