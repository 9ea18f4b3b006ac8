// The contract, on a real server and behind a proxy that breaks the connection: plain, under each wrapper,
// under all; and on two servers.

import { conformance, underWrappers } from "@kv/core/conformance";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { memcachedStore } from "../src/index.ts";

// Enough for all records of the suite: what is evicted would be missed.
const memory = 512;
const { server, skipped } = await serverFor(vitest, "memcached", { memory });
const { server: second, skipped: noSecond } = await serverFor(vitest, "memcached", { memory });

if (skipped ?? noSecond) {
  it.skip("conformance");
} else {
  const targets = underWrappers({
    name: "memcached",
    open: (options) => memcachedStore({ url: server.url, ...options }),
    shared: true,
    server: { host: "127.0.0.1", port: server.port },
    through: (address, options) => memcachedStore({ ...address, ...options }),
  });
  targets.push({
    name: "two memcached servers",
    open: (options) =>
      memcachedStore({
        servers: [server, second].map(({ port }) => ({ host: "127.0.0.1", port })),
        names: "python-v1",
        ...options,
      }),
    shared: true,
  });
  for (const target of targets) await conformance(target).register({ describe, it });
}
