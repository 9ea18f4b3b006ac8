// A server that is killed, paused and restarted, again and again. Longer with KV_CONFORMANCE=thorough.

import { outagesSuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { elasticsearchStore } from "../src/index.ts";

const { server, skipped } = await serverFor(vitest, "elasticsearch", { own: true });

await outagesSuite(vitest, {
  name: "elasticsearch",
  server,
  skipped,
  open: (options) => elasticsearchStore({ url: server.url, ...options }),
  timeScale: 4,
});
