// A server that is full, refuses, is another one, or whose indices somebody changes underneath: told for what it is.

import { once } from "node:events";
import { createServer } from "node:http";
import { inspect } from "node:util";
import { endingSuite, listed, rejection, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ElasticsearchStoreOptions, elasticsearchStore } from "../src/index.ts";
import { type Answer, Asker, Between } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "elasticsearch");
const asker = new Asker(() => server);
const closing: (() => unknown)[] = [];
let between: Between;

beforeAll(async () => {
  if (!skipped) between = await Between.start(server.port);
});
afterAll(() => between?.close());
beforeEach(() => (skipped ? undefined : asker.deleteIndices("failures")));
afterEach(async () => {
  between?.tell(undefined);
  for (const close of closing.splice(0).reverse()) await close();
});

/** A store of the test, closed after it. */
function open(options: ElasticsearchStoreOptions = {}) {
  const store = elasticsearchStore({ url: server.url, prefix: "failures", timeout: "30s", ...options });
  closing.push(() => store.close());
  return store;
}

describe.skipIf(skipped)("an index that is deleted underneath", () => {
  it("is missed by no read, and made anew by the next write, with its mapping", async () => {
    const users = open().collection("users");
    await users.put("a", 1);
    const revision = await users.putIfAbsent("b", 1);
    const before = await asker.ask("GET", "/failures-users/_mapping");

    for (const write of [
      () => users.put("c", { n: 1 }),
      () => users.putMany([{ key: "c", value: { n: 1 } }]),
      () => users.putIfAbsent("c", { n: 1 }),
      () => users.update("c", () => ({ n: 1 })),
    ]) {
      await asker.deleteIndices("failures");
      expect(await users.get("a")).toBeUndefined();
      expect(await users.getMany(["a"])).toEqual([undefined]);
      expect(await users.delete("a")).toBe(false);
      expect(await users.deleteMany(["a", "b"])).toBe(0);
      expect(await users.take("a")).toBeUndefined();
      expect(await listed(users.keys())).toEqual([]);
      await users.clear();
      expect(revision && (await users.compareAndSwap("b", revision, 2))).toBeUndefined();
      expect(revision && (await users.compareAndDelete("b", revision))).toBe(false);
      expect(await asker.indices("failures")).toEqual([]);
      await write();
      expect(await asker.ask("GET", "/failures-users/_mapping")).toEqual(before);
      // What would not go beside the other under types that were guessed.
      await users.put("d", { n: "text" });
      expect((await listed(users.keys())).sort()).toEqual(["c", "d"]);
      expect(await users.getMany(["c", "d"])).toEqual([{ n: 1 }, { n: "text" }]);
    }
  });

  it("comes back with its mapping where many write to it at once", async () => {
    const [one, other] = [open(), open()];
    await one.put("a", 1);
    await other.put("a", 1);
    await asker.deleteIndices("failures");
    const keys = Array.from({ length: 40 }, (_, at) => `key-${at}`);
    await Promise.all(keys.map((key, at) => (at % 2 ? one : other).put(key, { [key]: at })));
    expect((await listed(one.collection().keys())).sort()).toEqual(keys.sort());
    expect(await asker.ask("GET", "/failures-default_collection/_mapping")).toMatchObject({
      "failures-default_collection": { mappings: { dynamic: "false" } },
    });
  });

  it("is made by the one of many first writers, and by none a second time", async () => {
    const stores = [open(), open(), open()];
    await Promise.all(stores.flatMap((store) => ["a", "b", "c"].map((key) => store.collection("new").put(key, key))));
    expect(await stores[0]?.collection("new").getMany(["a", "b", "c"])).toEqual(["a", "b", "c"]);
  });
});

describe.skipIf(skipped)("an index that somebody else has made", () => {
  it("keeps records exactly, also where its mapping was guessed; what cannot be listed says so", async () => {
    await asker.ask("PUT", "/failures-users/_doc/first", {
      collection: "users",
      key: "first",
      version: 1,
      value: { flattened: { n: 1 } },
    });
    const users = open().collection("users");
    await users.put("a", { n: "text", d: "2024-01-01" });
    await users.put("b", { n: { deeper: 1 } });
    expect(await users.getMany(["first", "a", "b"])).toEqual([
      { n: 1 },
      { n: "text", d: "2024-01-01" },
      { n: { deeper: 1 } },
    ]);
    expect(await users.increment("count")).toBe(1);
    expect(await users.take("a")).toEqual({ n: "text", d: "2024-01-01" });
    const error = { code: "INCOMPATIBLE_FORMAT", retryable: false };
    expect(await rejection(listed(users.keys()))).toMatchObject(error);
    expect(await rejection(users.clear())).toMatchObject(error);
    expect(await rejection(open().clearAll())).toMatchObject(error);
  });

  it("is left alone where it holds nothing of ours, whatever its name begins with", async () => {
    const other = open({ prefix: "failures-other" });
    await other.collection("users").put("a", 1);
    await asker.ask("PUT", "/failures-app", {
      mappings: { properties: { key: { type: "text" }, collection: { type: "integer" } } },
    });
    await asker.ask("PUT", "/failures-app/_doc/1", { key: "some words", collection: 7 });
    await asker.ask("PUT", "/failures-logs/_doc/1", { message: "hello" });
    await asker.ask("PUT", "/failures-empty");
    const store = open();
    await store.collection("users").put("a", 2);
    expect(await listed(store.collections())).toEqual(["users"]);
    expect(await listed(store.collection("empty").keys())).toEqual([]);
    await store.cull();
    await store.clearAll();
    expect(await listed(store.collections())).toEqual([]);
    expect(await other.collection("users").get("a")).toBe(1);
    expect(await asker.documents("failures-app")).toHaveLength(1);
    expect(await asker.documents("failures-logs")).toHaveLength(1);
    await store.collection("empty").put("a", 1);
    expect(await listed(store.collection("empty").keys())).toEqual(["a"]);
  });

  it("is closed, and says so", async () => {
    const users = open().collection("users");
    await users.put("a", 1);
    await asker.ask("POST", "/failures-users/_close");
    expect(await rejection(users.get("a"))).toMatchObject({ code: "BACKEND_FAILURE" });
    expect(await rejection(users.put("a", 2))).toMatchObject({ code: "BACKEND_FAILURE", outcome: "not-applied" });
    expect(await rejection(listed(users.keys()))).toMatchObject({ code: "BACKEND_FAILURE" });
    await asker.ask("POST", "/failures-users/_open");
    expect(await users.get("a")).toBe(1);
  });
});

describe.skipIf(skipped)("an index that takes no writes", () => {
  it.each([
    ["the disk of its node is full", "read_only_allow_delete", "STORAGE_FULL"],
    ["it was made read-only", "read_only", "ACCESS_DENIED"],
    ["its writes are blocked", "write", "ACCESS_DENIED"],
  ])("since %s", async (_, block, code) => {
    const users = open().collection("users");
    const revision = await users.putIfAbsent("a", 1);
    await asker.ask("PUT", "/failures-users/_settings", { [`index.blocks.${block}`]: true });
    const refused = { code, retryable: false, outcome: "not-applied" };
    expect(await rejection(users.put("a", 2))).toMatchObject(refused);
    expect(await rejection(users.putIfAbsent("b", 2))).toMatchObject(refused);
    expect(revision && (await rejection(users.compareAndSwap("a", revision, 2)))).toMatchObject(refused);
    expect(await rejection(users.putMany([{ key: "b", value: 2 }]))).toMatchObject({
      failures: [{ key: "b", error: refused }],
    });
    expect(await users.getMany(["a", "b"])).toEqual([1, undefined]);
    await asker.ask("PUT", "/failures-users/_settings", { [`index.blocks.${block}`]: null });
    await users.put("a", 3);
  });
});

describe.skipIf(skipped)("a server that refuses", () => {
  const error = (status: number, type: string, reason = "secret reason"): Answer => ({
    status,
    body: JSON.stringify({ error: { root_cause: [{ type, reason }], type, reason }, status }),
  });
  const items = (status: number, type: string, reason = "secret reason"): Answer => ({
    status: 200,
    body: JSON.stringify({ took: 1, errors: true, items: [{ index: { _id: "a", status, error: { type, reason } } }] }),
  });

  it.each<[string, Answer, object]>([
    [
      "its queue is full",
      error(429, "es_rejected_execution_exception"),
      { code: "UNAVAILABLE", outcome: "not-applied" },
    ],
    ["its memory is full", error(429, "circuit_breaking_exception"), { code: "UNAVAILABLE", outcome: "not-applied" }],
    [
      "it has no master",
      error(503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];"),
      { code: "UNAVAILABLE", outcome: "not-applied" },
    ],
    [
      "its disk is full",
      error(
        429,
        "cluster_block_exception",
        "blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark];",
      ),
      { code: "STORAGE_FULL", outcome: "not-applied" },
    ],
    [
      "it is starting",
      error(503, "process_cluster_event_timeout_exception"),
      { code: "UNAVAILABLE", outcome: "unknown" },
    ],
    [
      "a proxy has lost it",
      { status: 502, body: "<html>bad gateway</html>" },
      { code: "UNAVAILABLE", outcome: "unknown" },
    ],
    ["it does not know the user", error(401, "security_exception"), { code: "ACCESS_DENIED", outcome: "not-applied" }],
    ["it fails", error(500, "null_pointer_exception"), { code: "BACKEND_FAILURE", outcome: "unknown" }],
    ["it speaks no JSON", { status: 200, body: "<html>hello</html>" }, { code: "BACKEND_FAILURE", outcome: "unknown" }],
    [
      "it answers something else",
      { status: 200, body: '{"docs":[]}' },
      { code: "BACKEND_FAILURE", outcome: "unknown" },
    ],
    ["it answers nothing", { status: 200, body: "" }, { code: "BACKEND_FAILURE", outcome: "unknown" }],
    [
      "one record: its queue is full",
      items(429, "es_rejected_execution_exception"),
      { code: "UNAVAILABLE", outcome: "not-applied" },
    ],
    [
      "one record: it may not be written",
      items(403, "security_exception"),
      { code: "ACCESS_DENIED", outcome: "not-applied" },
    ],
    [
      "one record: its shard is away",
      items(503, "unavailable_shards_exception"),
      { code: "UNAVAILABLE", outcome: "unknown" },
    ],
  ])("since %s", async (_, answer, expected) => {
    const store = open({ url: between.url });
    await store.put("a", 1);
    between.tell((request) => (request === "_bulk" ? answer : undefined));
    const failure = await rejection(store.put("a", "secret value"));
    expect(failure).toMatchObject(expected);
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toMatch(/secret/);
    expect(await rejection(store.putMany([{ key: "a", value: 2 }]))).toMatchObject({
      failures: [{ key: "a", error: expected }],
    });
    between.tell(undefined);
    expect(await store.get("a")).toBe(1);
  });

  it.each<[string, Answer, string]>([
    ["its queue is full", error(429, "es_rejected_execution_exception"), "UNAVAILABLE"],
    ["it has no master", error(503, "cluster_block_exception"), "UNAVAILABLE"],
    ["it speaks no JSON", { status: 200, body: "nonsense" }, "BACKEND_FAILURE"],
    ["it answers something else", { status: 200, body: "[]" }, "BACKEND_FAILURE"],
    ["a part of it is away", error(503, "search_phase_execution_exception"), "UNAVAILABLE"],
  ])("to read, since %s", async (_, answer, code) => {
    const store = open({ url: between.url });
    await store.put("a", 1);
    between.tell((request) => (request === "_mget" || request === "_search" ? answer : undefined));
    expect(await rejection(store.get("a"))).toMatchObject({ code });
    expect(await rejection(store.getMany(["a", "b"]))).toMatchObject(
      answer.body === "[]" ? { failures: [{ error: { code } }, { error: { code } }] } : { code },
    );
    expect(await rejection(listed(store.collection().keys()))).toMatchObject({ code });
    // Where parts are away it may be that an index is just being made: that is waited for, until the deadline.
    const brief = { timeout: "1s" };
    const late = { code: expect.stringMatching(code === "UNAVAILABLE" ? /^(UNAVAILABLE|TIMEOUT)$/ : `^${code}$`) };
    expect(await rejection(listed(store.collections(brief)))).toMatchObject(late);
    expect(await rejection(store.clearAll(brief))).toMatchObject(late);
    expect(await rejection(store.take("a"))).toMatchObject({ code, outcome: "not-applied" });
    between.tell(undefined);
    expect(await store.take("a")).toBe(1);
  });

  it("is asked again while an index is only just being made by another process", async () => {
    const store = open({ url: between.url });
    await open().collection("users").put("there", 1);
    const starting = { index: "failures-users", type: "no_shard_available_action_exception", reason: "starting" };
    let times = 0;
    between.tell((request) => {
      if (request === "_search" && times++ < 3) return error(503, "search_phase_execution_exception");
      if (request !== "_mget" || times++ >= 3) return undefined;
      return { status: 200, body: JSON.stringify({ docs: [{ _id: "a", error: starting }] }) };
    });
    expect(await store.collection("users").get("a")).toBeUndefined();
    expect(times).toBe(4);
    // By now it has been seen to serve: what is away then is an outage.
    times = 0;
    expect(await rejection(store.collection("users").get("a"))).toMatchObject({ code: "UNAVAILABLE", retryable: true });
    times = 0;
    expect(await listed(open({ url: between.url }).collection("users").keys())).toEqual(["there"]);
    expect(times).toBe(4);
  });

  it("has done a write already that it takes for another's, since it has sent it on twice", async () => {
    const store = open({ url: between.url });
    await store.put("a", 1);
    const [entry, revisions] = [await store.getEntry("a"), [] as unknown[]];
    const error = { type: "version_conflict_engine_exception", reason: "[a]: version conflict" };
    const conflictAfter = (action: string): void => {
      between.tell((request) => {
        if (request !== "_bulk") return undefined;
        between.tell(undefined);
        const body = JSON.stringify({ errors: true, items: [{ [action]: { status: 409, error } }] });
        return { status: 200, body, afterwards: true };
      });
    };
    conflictAfter("create");
    revisions.push(await store.putIfAbsent("b", 1));
    conflictAfter("index");
    revisions.push(entry && (await store.compareAndSwap("a", entry.revision, 2)));
    expect(revisions).toEqual([(await store.getEntry("b"))?.revision, (await store.getEntry("a"))?.revision]);
    expect(await store.getMany(["a", "b"])).toEqual([2, 1]);
    between.requests();
    // A conflict with another's is one.
    conflictAfter("create");
    expect(await store.putIfAbsent("b", 3)).toBeUndefined();
    expect(between.requests()).toEqual(["_bulk", "_mget"]);
  });
});

describe.skipIf(skipped)("what is not Elasticsearch", () => {
  it("is told as such", async () => {
    const other = createServer((_, reply) => reply.end('{"tagline":"another database"}')).listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    if (typeof address !== "object" || address === null) throw new Error("it listens");
    const store = open({ url: `elasticsearch://127.0.0.1:${address.port}` });
    for (const call of [() => store.get("a"), () => store.put("a", 1), () => store.ping()]) {
      const error = await rejection(call());
      expect(error).toMatchObject({ code: "BACKEND_FAILURE", retryable: false });
      expect(String(error)).toMatch(/not Elasticsearch/);
    }
    other.close();
    other.closeAllConnections();
  });
});

describe.skipIf(skipped)("what leaves a store", () => {
  it("is no value and no secret", async () => {
    const secret = "s3cret-of-the-caller";
    const store = open({ nodes: "http://127.0.0.1:1", username: "u", password: secret });
    const down = await rejection(store.put("a", secret));
    expect(down).toMatchObject({ code: "UNAVAILABLE", retryable: true, outcome: "not-applied" });
    expect(String(down)).toContain("ECONNREFUSED");
    const good = open();
    // A name that no index takes even as text.
    await asker.ask("PUT", "/failures-strict", {
      mappings: { dynamic: "strict", properties: { key: { type: "keyword" } } },
    });
    const refused = await rejection(good.collection("strict").put(secret, { [secret]: secret }));
    expect(refused).toMatchObject({ code: "BACKEND_FAILURE", outcome: "not-applied" });
    delete (refused as { key?: string }).key;
    delete (down as { key?: string }).key;
    for (const error of [down, refused]) {
      expect(error).toHaveProperty("cause");
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
    }
  });
});

endingSuite(vitest, {
  skipped,
  url: () => `${server.url}/failures`,
  unreachable: () => ["elasticsearch://127.0.0.1:1"],
});
