// One server shared with py-key-value-aio's ValkeyStore, live and both ways.

import { PythonStore, pythonFor, redisLikePythonSuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { valkeyStore } from "../src/index.ts";
import { Asker } from "./helpers.ts";

const { server, skipped: noServer } = await serverFor(vitest, "valkey", { own: true });
const { python, skipped: noPython } = await pythonFor();
const skipped = noServer ?? noPython;
const asker = new Asker(() => server);
const theirs = () =>
  new PythonStore(python, {
    imports: "from key_value.aio.stores.valkey import ValkeyStore",
    store: 'ValkeyStore(host="127.0.0.1", port=server)',
    server: () => server.port,
  });

afterAll(() => asker.close());

redisLikePythonSuite(vitest, {
  name: "ValkeyStore",
  skipped,
  python: theirs,
  open: (options) => valkeyStore({ url: server.url, ...options }),
  ask: (...command) => asker.ask(...command),
  // It takes whole seconds off, and asks the server for none at all where less than two are given.
  shortestTtl: 2.5,
});

describe.skipIf(skipped)("a server shared with Python", () => {
  const store = valkeyStore(skipped ? {} : { url: server.url });

  beforeEach(() => asker.ask("FLUSHALL"));
  afterAll(() => store.close());

  it("has from Python no record that lives for less than two seconds: its store asks the server for none at all", async () => {
    const [brief, longer] = await theirs().run(
      ["put", ["brief", { n: 1 }], { collection: "users", ttl: 0.9 }],
      ["put", ["longer", { n: 1 }], { collection: "users", ttl: 100 }],
    );
    expect(brief).toHaveProperty("error");
    expect(longer).toBeNull();
    expect(await asker.number("TTL", "users::longer")).toBeLessThan(100);
    expect(await store.collection("users").getMany(["brief", "longer"])).toEqual([undefined, { n: 1 }]);
  });
});
