// A server that is killed, paused and restarted, again and again. Longer with KV_CONFORMANCE=thorough.

import { conformance } from "@kv/core/conformance";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { memcachedStore } from "../src/index.ts";

const { server, skipped } = await serverFor(vitest, "memcached", { own: true });

if (skipped) {
  it.skip("outages");
} else {
  const open = (options: object) => memcachedStore({ url: server.url, ...options });
  await conformance({ name: "memcached", open, shared: true, process: server, forgets: true }).register(
    { describe, it },
    { only: ({ chapter }) => chapter === "outages" },
  );
}
