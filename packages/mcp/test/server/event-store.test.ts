/** What is stored of a stream, and to whom it is given back: in order, whole, and to its own session alone. */
import { InvalidArgumentError, InvalidTtlError, UnsupportedOperationError } from "@kv/core";
import { around, defineLayer } from "@kv/core/driver";
import { memoryStore } from "@kv/memory";
import { clockPast } from "@kv/test-servers";
import type { EventStore, JSONRPCMessage } from "@modelcontextprotocol/server";
import { describe, expect, it, onTestFinished } from "vitest";
import { KvEventStore, type KvEventStoreOptions } from "../../src/server/index.ts";
import { backends, twoStores } from "../support/backends.ts";
import { dumpOf } from "../support/dump.ts";

const STANDALONE = "_GET_stream";
const keys = [{ id: "1", key: Buffer.alloc(32, 7) }];

function message(number: number): JSONRPCMessage {
  return { jsonrpc: "2.0", method: "notifications/message", params: { level: "info", data: number } };
}

async function replayed(events: EventStore, after: string): Promise<{ data: unknown[]; ids: string[] }> {
  const data: unknown[] = [];
  const ids: string[] = [];
  await events.replayEventsAfter(after, {
    send: async (id, sent) => {
      ids.push(id);
      data.push("params" in sent ? sent.params?.data : sent);
    },
  });
  return { data, ids };
}

const upTo = (end: number, begin = 1) => Array.from({ length: end - begin + 1 }, (_, index) => begin + index);

describe.each(backends)("on %s", (backend) => {
  const nodes = async (options: Partial<KvEventStoreOptions> = {}) => {
    const stores = await twoStores(backend);
    const [here, there] = stores.map((store) => new KvEventStore({ store, keys, ...options }));
    if (!here || !there) throw new Error("no stores");
    return { here, there, store: stores[0] };
  };

  it("gives back on the other node what came after, in the order of the calls", async () => {
    const { here, there } = await nodes();
    const session = here.forSession("s");
    const first = await session.storeEvent("stream", {} as JSONRPCMessage);
    const ids = await Promise.all(upTo(150).map((number) => session.storeEvent("stream", message(number))));
    // Which says where a stream begins, and is nothing to send.
    await session.storeEvent("stream", {} as JSONRPCMessage);
    expect(new Set(ids).size).toBe(150);
    const other = there.forSession("s");
    expect(await other.getStreamIdForEventId?.(first)).toBe("stream");
    expect(await replayed(other, first)).toEqual({ data: upTo(150), ids });
    expect(await replayed(other, ids[99] ?? "")).toEqual({ data: upTo(150, 101), ids: ids.slice(100) });
    expect(await replayed(other, ids[149] ?? "")).toEqual({ data: [], ids: [] });
  });

  it("numbers events of both nodes in one row, without a gap to any reader", async () => {
    const { here, there } = await nodes();
    const start = await here.forSession("s").storeEvent(STANDALONE, {} as JSONRPCMessage);
    let writing = true;
    const writers = [here, there].map(async (events, node) => {
      const session = events.forSession("s");
      for (const number of upTo(40)) await session.storeEvent(STANDALONE, message(node * 100 + number));
    });
    const done = Promise.all(writers).finally(() => {
      writing = false;
    });
    const reader = there.forSession("s");
    const seen: unknown[] = [];
    let last = start;
    const read = async () => {
      const { data, ids } = await replayed(reader, last);
      seen.push(...data);
      last = ids.at(-1) ?? last;
    };
    while (writing) {
      await read();
      // A store that answers at once would keep the writers from their turn.
      await new Promise(setImmediate);
    }
    await done;
    await read();
    // Nothing is missing, twice or in another order than each node's own.
    expect([...seen].sort()).toEqual([...upTo(40), ...upTo(140, 101)].sort());
    expect(seen.filter((number) => Number(number) < 100)).toEqual(upTo(40));
    expect(seen.filter((number) => Number(number) > 100)).toEqual(upTo(140, 101));
  });

  it("keeps sessions and streams apart, also where their streams have the same name", async () => {
    const { here, there, store } = await nodes();
    const ids: Record<string, string[]> = {};
    for (const session of ["ada's", "bob's"]) {
      for (const number of [1, 2, 3]) {
        const id = await here
          .forSession(session)
          .storeEvent(STANDALONE, message(session === "ada's" ? number : -number));
        ids[session] = [...(ids[session] ?? []), id];
      }
      await here.forSession(session).storeEvent("other", message(99));
    }
    const [own = ""] = ids["ada's"] ?? [];
    expect((await replayed(there.forSession("ada's"), own)).data).toEqual([2, 3]);
    for (const id of ids["bob's"] ?? []) {
      // Numbers of two sessions may meet, but then they are one's own.
      const place = await there.forSession("ada's").getStreamIdForEventId?.(id);
      if (place !== undefined) expect(JSON.stringify(await replayed(there.forSession("ada's"), id))).not.toContain("-");
      await expect(replayed(there.forSession("carl's"), id)).rejects.toThrow(InvalidArgumentError);
      expect(await there.forSession("carl's").getStreamIdForEventId?.(id)).toBeUndefined();
    }
    const dump = await dumpOf(store);
    expect(dump).not.toMatch(/ada's|bob's|notifications|GET_stream/);
  });

  it("keeps the last ones of a stream that is too long", async () => {
    const { here, there, store } = await nodes({ maxEvents: 10 });
    const session = here.forSession("s");
    const ids: string[] = [];
    for (const number of upTo(300)) ids.push(await session.storeEvent("stream", message(number)));
    expect((await replayed(there.forSession("s"), ids[0] ?? "")).data).toEqual(upTo(300, 291));
    let records = 0;
    for await (const _ of store.collection("mcp-events").keys()) records++;
    expect(records).toBeLessThan(100);
  });

  it("ends with its time, and begins with other ids then", async () => {
    const { here } = await nodes({ ttl: "150ms" });
    const session = here.forSession("s");
    const old = await session.storeEvent("stream", message(1));
    await clockPast(Date.now() + 300);
    expect(await session.getStreamIdForEventId?.(old)).toBeUndefined();
    await expect(replayed(session, old)).rejects.toThrow(InvalidArgumentError);
    expect(await session.storeEvent("stream", message(2))).not.toBe(old);
  });

  it("goes on where a node has ended between an event and the head", async () => {
    const { here, there, store } = await nodes();
    const dying = new KvEventStore({
      keys,
      timeout: "5s",
      store: store.with(
        defineLayer("dying", (inner) => {
          let swaps = 0;
          return around(inner, ({ operation }, call, next) => {
            // Of the third event only its own record is written.
            if (operation === "swap" && ++swaps > 5) throw new Error("dead");
            return next(call);
          });
        }),
      ),
    });
    const ids: string[] = [];
    for (const number of upTo(3)) ids.push(await dying.forSession("s").storeEvent("stream", message(number)));
    expect(ids[2]).toBe("");
    ids[3] = await here.forSession("s").storeEvent("stream", message(4));
    expect((await replayed(there.forSession("s"), ids[0] ?? "")).data).toEqual([2, 3, 4]);
  });
});

it("gives no ids where the store fails, and none in that stream from then on", async () => {
  const store = memoryStore();
  const errors: unknown[] = [];
  let down = false;
  const layer = defineLayer("shaky", (inner) =>
    around(inner, (_subject, call, next) => {
      if (down) throw new Error("down");
      return next(call);
    }),
  );
  const session = new KvEventStore({ store: store.with(layer), onError: (error) => errors.push(error) }).forSession(
    "s",
  );
  onTestFinished(() => store.close());
  const first = await session.storeEvent("stream", message(1));
  down = true;
  expect(await session.storeEvent("stream", message(2))).toBe("");
  down = false;
  // A client that got an id for this one would never ask for the one before.
  expect(await session.storeEvent("stream", message(3))).toBe("");
  expect(await session.storeEvent("other", message(4))).not.toBe("");
  expect(errors).toHaveLength(1);
  expect((await replayed(session, first)).data).toEqual([]);
});

it.each([
  "",
  "_",
  "a",
  "1_",
  "_stream",
  "01_stream",
  "-1_stream",
  "1.5_stream",
  "1e3_stream",
  "zzzzzzzzzzzzzzzz_stream",
  "1_other",
  "1\n_stream",
  `1_${"x".repeat(10_000)}`,
  "1_\ud800",
  "__proto__",
  "constructor_stream",
])("knows no event of the id %j", async (id) => {
  const store = memoryStore();
  onTestFinished(() => store.close());
  const session = new KvEventStore({ store }).forSession("s");
  await session.storeEvent("stream", message(1));
  expect(await session.getStreamIdForEventId?.(id)).toBeUndefined();
  await expect(replayed(session, id)).rejects.toThrow(InvalidArgumentError);
});

it("is refused where it could not keep what it promises", async () => {
  const store = memoryStore();
  const evicting = memoryStore({ maxEntries: 10 });
  // @ts-expect-error it is not durable
  expect(() => new KvEventStore({ store: evicting })).toThrow(UnsupportedOperationError);
  expect(() => new KvEventStore({ store, maxEvents: 0 })).toThrow(InvalidArgumentError);
  expect(() => new KvEventStore({ store, ttl: -1 })).toThrow(InvalidTtlError);
  expect(() => new KvEventStore({ store }).forSession("")).toThrow(InvalidArgumentError);
});
