// The contract, on a real server and behind a proxy that breaks the connection: plain, under each wrapper, under all.

import { conformance, underWrappers } from "@kv/core/conformance";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { mongodbStore } from "../src/index.ts";

const { server, skipped } = await serverFor(vitest, "mongodb");

if (skipped) {
  it.skip("conformance");
} else {
  const { hostname, port } = new URL(server.url);
  const targets = underWrappers({
    name: "mongodb",
    open: (options) => mongodbStore({ url: server.url, ...options }),
    shared: true,
    // The server that stands in for MongoDB looks at each document of a collection to find a range of keys.
    timeScale: 4,
    server: { host: hostname, port: Number(port) },
    through: ({ host, port }, options) => mongodbStore({ url: `mongodb://${host}:${port}`, ...options }),
  });
  for (const target of targets) await conformance(target).register({ describe, it });
}
