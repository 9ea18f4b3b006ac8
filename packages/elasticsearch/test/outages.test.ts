// A server that is killed, paused and restarted, again and again. Longer with KV_CONFORMANCE=thorough.

import { conformance } from "@kv/core/conformance";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { elasticsearchStore } from "../src/index.ts";

const { server, skipped } = await serverFor(vitest, "elasticsearch", { own: true });

if (skipped) {
  it.skip("outages");
} else {
  const open = (options: object) => elasticsearchStore({ url: server.url, ...options });
  await conformance({ name: "elasticsearch", open, shared: true, process: server, timeScale: 4 }).register(
    { describe, it },
    { only: ({ chapter }) => chapter === "outages" },
  );
}
