// The contract, on a real server and behind a proxy that breaks the connection: plain, under each wrapper, under all.

import { conformance, underWrappers } from "@kv/core/conformance";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { memcachedStore } from "../src/index.ts";

const { server, skipped } = await serverFor(vitest, "memcached", { memory: 512 });

if (skipped) {
  it.skip("conformance");
} else {
  const targets = underWrappers({
    name: "memcached",
    open: (options) => memcachedStore({ url: server.url, ...options }),
    shared: true,
    server: { host: "127.0.0.1", port: server.port },
    through: (address, options) => memcachedStore({ ...address, ...options }),
  });
  for (const target of targets) await conformance(target).register({ describe, it });
}
