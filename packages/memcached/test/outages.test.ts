// A server that is killed, paused and restarted, again and again. Longer with KV_CONFORMANCE=thorough.

import { outagesSuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { memcachedStore } from "../src/index.ts";

const { server, skipped } = await serverFor(vitest, "memcached", { own: true });

await outagesSuite(vitest, {
  name: "memcached",
  server,
  skipped,
  open: (options) => memcachedStore({ url: server.url, ...options }),
  forgets: true,
});
