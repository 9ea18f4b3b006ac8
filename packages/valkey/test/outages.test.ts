// A server that is killed, paused and restarted, again and again. Longer with KV_CONFORMANCE=thorough.

import { outagesSuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { valkeyStore } from "../src/index.ts";

for (const name of ["valkey", "valkey-cluster"] as const) {
  const settings = { own: true, appendonly: true };
  const { server, skipped } = await serverFor(vitest, name, settings);
  await outagesSuite(vitest, {
    name,
    server,
    skipped,
    open: (options) => valkeyStore({ url: server.url, ...options }),
  });
}
