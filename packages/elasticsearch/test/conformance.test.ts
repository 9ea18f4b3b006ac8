// The contract, on a real server and behind a proxy that breaks the connection: plain, and under all wrappers.

import { conformance, underWrappers } from "@kv/core/conformance";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, afterEach, describe, it } from "vitest";
import { elasticsearchStore } from "../src/index.ts";
import { Asker } from "./helpers.ts";

const DEFAULT_TIMEOUT = "deadlines/default-timeout";
/** They make hundreds of collections, each with an index of its own: once is enough. */
const MANY_INDICES = new Set([
  "names/any-string-is-a-collection",
  "names/pairs-never-meet",
  "names/collections-are-listed-as-given",
  "names/atomics-tell-names-apart",
  "enumeration/many-collections",
  "enumeration/clear-all-reaches-its-prefix",
  "enumeration/clear-takes-names-literally",
]);

const { server, skipped } = await serverFor(vitest, "elasticsearch");

if (skipped) {
  it.skip("conformance");
} else {
  const { hostname, port } = new URL(server.url);
  // A batch of new collections waits for as many indices, one after the other.
  const patient = { prefix: "conformance", timeout: "2m" };
  const targets = underWrappers({
    name: "elasticsearch",
    open: (options) => elasticsearchStore({ ...patient, url: server.url, ...options }),
    shared: true,
    server: { host: hostname, port: Number(port) },
    through: (address, options) =>
      elasticsearchStore({ ...patient, nodes: `http://${address.host}:${address.port}`, ...options }),
    // Writes take some 10 ms.
    timeScale: 4,
  });
  const asker = new Asker(() => server);
  // The more indices there are, the longer it takes to make one.
  const chapter = (name: string, tests: () => void) =>
    describe(name, () => {
      tests();
      // Nothing is under way then: those of other chapters run beside each other.
      const each = name === "names" || name === "enumeration";
      (each ? afterEach : afterAll)(() => asker.deleteIndices("conformance-"));
    });
  const [plain, wrapped] = [targets.at(0), targets.at(-1)];
  if (!plain || !wrapped) throw new Error("there are targets");
  await conformance(plain).register({ describe: chapter, it }, { only: ({ id }) => id !== DEFAULT_TIMEOUT });
  await conformance({
    name: "elasticsearch with the default timeout",
    open: (options) => elasticsearchStore({ prefix: "conformance", url: server.url, ...options }),
  }).register({ describe: chapter, it }, { only: ({ id }) => id === DEFAULT_TIMEOUT });
  await conformance(wrapped).register(
    { describe: chapter, it },
    { only: ({ id }) => id !== DEFAULT_TIMEOUT && !MANY_INDICES.has(id) },
  );
}
