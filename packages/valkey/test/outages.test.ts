// A server, and a cluster, that is killed, paused and restarted, again and again. Longer with KV_CONFORMANCE=thorough.

import { conformance } from "@kv/core/conformance";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { valkeyStore } from "../src/index.ts";

for (const name of ["valkey", "valkey-cluster"] as const) {
  const { server, skipped } = await serverFor(vitest, name, {
    own: true,
    appendonly: true,
    args: ["--appendfsync", "always"],
  });
  if (skipped) {
    it.skip(`outages of ${name}`);
    continue;
  }
  const open = (options: object) => valkeyStore({ url: server.url, ...options });
  await conformance({ name, open, shared: true, process: server }).register(
    { describe, it },
    { only: ({ chapter }) => chapter === "outages" },
  );
}
