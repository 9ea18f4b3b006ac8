// A server that is killed, paused and restarted, again and again. Longer with KV_CONFORMANCE=thorough.

import { conformance } from "@kv/core/conformance";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { mongodbStore } from "../src/index.ts";

const { server, skipped } = await serverFor(vitest, "mongodb", { own: true, journal: true });

if (skipped) {
  it.skip("outages");
} else {
  const open = (options: object) => mongodbStore({ url: server.url, ...options });
  await conformance({ name: "mongodb", open, shared: true, process: server }).register(
    { describe, it },
    { only: ({ chapter }) => chapter === "outages" },
  );
}
