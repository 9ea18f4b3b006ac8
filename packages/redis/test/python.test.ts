// One server shared with py-key-value-aio's RedisStore, live and both ways.

import { PythonStore, pythonFor, pythonSuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { redisStore } from "../src/index.ts";
import { clientOf } from "./helpers.ts";

const { server, skipped: noServer } = await serverFor(vitest, "redis", { own: true });
const { python, skipped: noPython } = await pythonFor();
const skipped = noServer ?? noPython;
const client = clientOf(server);
const theirs = () =>
  new PythonStore(python, {
    imports: "from key_value.aio.stores.redis import RedisStore",
    store: "RedisStore(url=server)",
    server: () => server.url,
  });
const empty = async () => void (await client.flushall());

afterAll(() => client.disconnect());

pythonSuite(vitest, {
  name: "RedisStore",
  skipped,
  python: theirs,
  open: (options) => redisStore({ url: server.url, ...options }),
  empty,
  joinsNames: true,
  shortestTtl: 0.3,
  names: [
    { collection: "default_collection", key: "user:1" },
    { collection: "a collection", key: "with :: inside" },
    { collection: "odd *?[x]\\", key: "%3A %" },
    { collection: "日本", key: "é😀" },
    { collection: "c".repeat(300), key: "k".repeat(1000) },
  ],
});

describe.skipIf(skipped)("a server shared with Python", () => {
  const store = redisStore(skipped ? {} : { url: server.url });

  beforeEach(empty);
  afterAll(() => store.close());

  it("ends the time to live that the server holds when either overwrites", async () => {
    await store.put("a", { n: 1 }, { ttl: "1h" });
    await theirs().run(["put", ["a", { n: 2 }]], ["put", ["b", { n: 1 }], { ttl: 1000 }]);
    expect(await client.pttl("default_collection::a")).toBe(-1);
    await store.put("b", { n: 2 });
    expect(await client.pttl("default_collection::b")).toBe(-1);
  });
});
