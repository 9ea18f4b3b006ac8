// A server that is killed, paused and restarted, again and again. Longer with KV_CONFORMANCE=thorough.

import { outagesSuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { redisStore } from "../src/index.ts";

for (const name of ["redis", "redis-cluster"] as const) {
  const settings = { own: true, appendonly: true };
  const { server, skipped } = await serverFor(vitest, name, settings);
  await outagesSuite(vitest, { name, server, skipped, open: (options) => redisStore({ url: server.url, ...options }) });
}
