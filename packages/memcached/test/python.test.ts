// One server shared with py-key-value-aio's MemcachedStore, live and both ways.

import { PythonStore, pythonFor, pythonSuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type MemcachedStore, memcachedStore } from "../src/index.ts";
import { ask, secondsLeft } from "./helpers.ts";

const { server, skipped: noServer } = await serverFor(vitest, "memcached", { own: true });
const { python, skipped: noPython } = await pythonFor();
const skipped = noServer ?? noPython;

const IMPORTS = `
from key_value.aio.stores.memcached import MemcachedStore
from key_value.aio.stores.memcached.store import MemcachedV1KeySanitizationStrategy`;

const theirs = (store = "MemcachedStore(port=server)") =>
  new PythonStore(python, { imports: IMPORTS, store, server: () => server.port });
const empty = async () => void (await ask(server.port, "flush_all"));

pythonSuite(vitest, {
  name: "MemcachedStore",
  skipped,
  python: () => theirs(),
  open: (options) => memcachedStore({ url: server.url, ...options }),
  empty,
  joinsNames: true,
  names: [
    { collection: "default_collection", key: "user:1" },
    { collection: "a-collection", key: "with-::-inside" },
    { collection: "odd*?[x]\\", key: "%3A%" },
    { collection: "日本", key: "é😀" },
    { collection: "H_c", key: "S_k" },
    { collection: "c", key: "k".repeat(247) },
  ],
});

describe.skipIf(skipped)("a server shared with Python", () => {
  let store: MemcachedStore;

  beforeAll(() => {
    store = memcachedStore({ url: server.url });
  });
  beforeEach(empty);
  afterAll(() => store.close());

  it("has the same names for both, long ones too, where Python uses its strategy and we are told so", async () => {
    const hashing = memcachedStore({ url: server.url, names: "python-v1" });
    const strategic = theirs(
      "MemcachedStore(port=server, key_sanitization_strategy=MemcachedV1KeySanitizationStrategy())",
    );
    const keys = ["short", "k".repeat(237), "k".repeat(238), "k".repeat(1000), `${"k".repeat(300)} \n`];
    for (const key of keys) await hashing.collection("c").put(key, { by: "ours" });
    const gets = keys.map((key) => ["get", [key], { collection: "c" }] as const);
    const puts = keys.map((key) => ["put", [key, { by: "python" }], { collection: "c" }] as const);
    expect(await strategic.run(...gets)).toEqual(keys.map(() => ({ by: "ours" })));
    await strategic.run(...puts);
    expect(await hashing.collection("c").getMany(keys)).toEqual(keys.map(() => ({ by: "python" })));
    // By its other naming Python cannot store the long ones at all, so that those are the same here.
    const long = keys.slice(3);
    expect(await store.collection("c").getMany(long)).toEqual(long.map(() => ({ by: "python" })));
    await hashing.close();
  });

  it("loses at once what Python gives more than 30 days, and keeps what we do", async () => {
    const days31 = 31 * 24 * 3600;
    await store.put("ours", { n: 1 }, { ttl: days31 });
    const [, theirOwn, ours] = await theirs().run(
      ["put", ["theirs", { n: 1 }], { ttl: days31 }],
      ["get", ["theirs"]],
      ["ttl", ["ours"]],
    );
    expect(theirOwn).toBeNull();
    expect(ours).toEqual([{ n: 1 }, expect.closeTo(days31, -3)]);
  });

  it("ends the time to live that the server holds when either overwrites", async () => {
    await store.put("a", { n: 1 }, { ttl: "1h" });
    await theirs().run(["put", ["a", { n: 2 }]], ["put", ["b", { n: 1 }], { ttl: 1000 }]);
    expect(await secondsLeft(server.port, "default_collection::a")).toBe(-1);
    await store.put("b", { n: 2 });
    expect(await secondsLeft(server.port, "default_collection::b")).toBe(-1);
  });
});
