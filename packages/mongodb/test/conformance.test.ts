// The contract, on a real server and behind a proxy that breaks the connection: plain, and under all wrappers.

import { conformance, properties, underWrappers } from "@kv/core/conformance";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { mongodbStore } from "../src/index.ts";

const { server, skipped } = await serverFor(vitest, "mongodb");

if (skipped) {
  it.skip("conformance");
} else {
  const { hostname, port } = new URL(server.url);
  const targetsIn = (database: string, chapter?: string) => {
    // What MongoDB does in milliseconds takes the stand-in seconds on a busy machine; the default is tested where it counts.
    const patient = chapter === "deadlines" ? {} : { timeout: "30s" };
    return underWrappers({
      name: "mongodb",
      open: (options) => mongodbStore({ url: server.url, database, ...patient, ...options }),
      shared: true,
      // The server that stands in for MongoDB looks at each document of a collection to find a range of keys.
      timeScale: 4,
      server: { host: hostname, port: Number(port) },
      through: ({ host, port }, options) =>
        mongodbStore({ url: `mongodb://${host}:${port}`, database, ...patient, ...options }),
    });
  };
  // A database for each chapter: hundreds of collections are left, empty, and the suite's tidying looks into all.
  const chapters = new Set(properties.map(({ chapter }) => chapter));
  for (const at of [0, -1]) {
    for (const only of chapters) {
      const target = targetsIn(`${only}${at}`, only).at(at);
      if (target) await conformance(target).register({ describe, it }, { only: ({ chapter }) => chapter === only });
    }
  }
}
