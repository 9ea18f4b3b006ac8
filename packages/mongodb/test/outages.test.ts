// A server that is killed, paused and restarted, again and again. Longer with KV_CONFORMANCE=thorough.

import { outagesSuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { mongodbStore } from "../src/index.ts";

const { server, skipped } = await serverFor(vitest, "mongodb", { own: true, journal: true });

await outagesSuite(vitest, {
  name: "mongodb",
  server,
  skipped,
  open: (options) => mongodbStore({ url: server.url, ...options }),
});
