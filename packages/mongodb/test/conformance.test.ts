// The contract, on a real server and behind a proxy that breaks the connection: plain, and under all wrappers.

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
  const targetsIn = (database: string) =>
    underWrappers({
      name: "mongodb",
      open: (options) => mongodbStore({ url: server.url, database, ...options }),
      shared: true,
      // The server that stands in for MongoDB looks at each document of a collection to find a range of keys.
      timeScale: 4,
      server: { host: hostname, port: Number(port) },
      through: ({ host, port }, options) => mongodbStore({ url: `mongodb://${host}:${port}`, database, ...options }),
    });
  // A database for each: thousands of collections are left, empty, and the suite looks into each after each property.
  for (const target of [targetsIn("conformance-plain").at(0), targetsIn("conformance-wrapped").at(-1)]) {
    if (target) await conformance(target).register({ describe, it });
  }
}
