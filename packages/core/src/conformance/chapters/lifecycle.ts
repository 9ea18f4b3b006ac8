/** Chapter "lifecycle": opened by the first call, shared by collections and layers, closed once and for all. */
import { KeyValueError, StoreClosedError } from "../../errors.ts";
import { prefixCollections } from "../../wrappers/prefix-collections.ts";
import { ConformanceError, describeError, equal, ok, rejects, sameElements } from "../assertions.ts";
import { proxyOf } from "../fault-proxy.ts";
import { checkError, operationsOf } from "../operations.ts";
import { type Property, property } from "../property.ts";
import { collect, underWay } from "../support.ts";
import { quietly } from "../unhandled.ts";

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

export const lifecycle: readonly Property[] = [
  property({
    id: "lifecycle/nothing-connects-before-the-first-operation",
    title: "Nothing connects before the first operation, whatever collections and layers are made.",
    wants: ["proxy"],
    waits: true,
    async run(context) {
      const proxy = await proxyOf(context);
      const store = await context.openThrough(proxy.address);
      const records = store.with(prefixCollections(context.unique())).collection(context.unique());
      // Long enough for a connection begun behind the scenes to get here.
      await new Promise((resolve) => setTimeout(resolve, 150));
      equal(proxy.connections, 0, "connections before the first operation");
      equal(await records.get("a"), undefined, "get");
      ok(proxy.connections > 0, "the first operation connects");
    },
  }),

  property({
    id: "lifecycle/closed-unused",
    title: "A store that was never used can be closed, and has never connected.",
    wants: ["proxy"],
    async run(context) {
      const proxy = await proxyOf(context);
      await (await context.openThrough(proxy.address)).close();
      // Connections are accepted in their order: one that the store has begun comes before this one.
      await proxy.probe();
      equal(proxy.connections, 1, "connections, this one included");
    },
  }),

  property({
    id: "lifecycle/calls-before-the-connection",
    title: "Fifty calls before the connection is up all work.",
    needs: ["write"],
    async run({ open, unique }) {
      const records = (await open()).collection(unique());
      await Promise.all(numbers(50).map((at) => records.put(`key-${at}`, at)));
      for (const at of numbers(50)) equal(await records.get(`key-${at}`), at, `get("key-${at}") after 50 puts at once`);
    },
  }),

  property({
    id: "lifecycle/calls-before-a-slow-connection",
    title: "Fifty calls before the connection is up all work, also where it takes its time.",
    needs: ["write"],
    wants: ["proxy"],
    waits: true,
    async run(context) {
      const proxy = await proxyOf(context);
      await proxy.inject({ type: "delay", milliseconds: 20 });
      const records = (await context.openThrough(proxy.address)).collection(context.unique());
      await Promise.all(numbers(50).map((at) => records.put(`key-${at}`, at)));
      await proxy.heal();
      for (const at of numbers(50)) equal(await records.get(`key-${at}`), at, `get("key-${at}") after 50 puts at once`);
    },
  }),

  property({
    id: "lifecycle/close-twice",
    title: "close() may be called again, at once and later.",
    async run({ open, unique }) {
      const store = await open();
      await store.collection(unique()).get("a");
      await Promise.all([store.close(), store.close()]);
      await store.close();
      await store[Symbol.asyncDispose]();
    },
  }),

  property({
    id: "lifecycle/close-unopened",
    title: "A store that was never used can be closed, again too; later calls reject with StoreClosedError.",
    async run({ open, unique }) {
      const store = await open();
      await store.close();
      await store.close();
      await rejects(() => store.collection(unique()).get("a"), StoreClosedError, "get after close");
    },
  }),

  property({
    id: "lifecycle/close-lets-calls-settle",
    title: "close() lets what is in flight settle before it resolves.",
    needs: ["write"],
    async run({ open, unique, target }) {
      const store = await open();
      const name = unique();
      const records = store.collection(name);
      await records.put("first", 0);
      let settled = 0;
      const calls = numbers(40).map((at) => {
        const asked: Promise<unknown> = at % 2 ? records.put(`key-${at}`, at) : records.get("first");
        return underWay(asked.finally(() => settled++));
      });
      await store.close();
      equal(settled, 40, "calls in flight that had settled when close() resolved");
      await Promise.all(calls);
      if (!target.shared) return;
      const after = (await open()).collection(name);
      for (const at of numbers(40)) {
        if (at % 2)
          equal(await after.get(`key-${at}`), at, `get("key-${at}") after a put that was in flight at close()`);
      }
    },
  }),

  property({
    id: "lifecycle/close-while-opening",
    title: "A store may be closed while its first call is under way: the call settles, then close() resolves.",
    needs: ["write"],
    async run({ open, unique, target }) {
      const store = await open();
      const name = unique();
      let settled = false;
      const first = store
        .collection(name)
        .put("a", 1)
        .finally(() => {
          settled = true;
        });
      await store.close();
      ok(settled, "the first call had settled when close() resolved");
      await first;
      if (target.shared) equal(await (await open()).collection(name).get("a"), 1, "get in another store");
    },
  }),

  property({
    id: "lifecycle/close-while-connecting-in-vain",
    title: "A store may be closed while it tries to connect to a server that does not answer.",
    wants: ["proxy"],
    waits: true,
    async run(context) {
      const proxy = await proxyOf(context);
      await proxy.inject({ type: "silence" });
      const store = await context.openThrough(proxy.address, { timeout: 200 * context.settings.timeScale });
      await quietly(async () => {
        const failed = rejects(() => store.collection(context.unique()).get("a"), KeyValueError, "get");
        await Promise.all([failed, store.close()]);
        await rejects(() => store.get("a"), StoreClosedError, "get after close");
      });
    },
  }),

  property({
    id: "lifecycle/closed-rejects",
    title: "After close() every operation rejects with StoreClosedError, and a write was not applied.",
    async run({ open, unique }) {
      const store = await open();
      const name = unique();
      const before = operationsOf(store, name);
      await store.collection(name).get("a");
      const closing = store.close();
      for (const operation of [...before, ...operationsOf(store, name)]) {
        const what = `${operation.name} after close`;
        const error = await rejects(() => operation.run(), StoreClosedError, what, { code: "STORE_CLOSED" });
        checkError(error, operation);
        equal(error.retryable, false, `${what}: retryable`);
        equal(error.outcome, operation.writes ? "not-applied" : undefined, `${what}: outcome`);
      }
      await rejects(() => store.getMany([]), StoreClosedError, "getMany of nothing after close");
      await closing;
    },
  }),

  property({
    id: "lifecycle/closing-is-shared",
    title: "Collections and layers share one connection: closing one store closes all that were made from it.",
    async run({ open, unique }) {
      for (const closed of ["inner", "outer"] as const) {
        const inner = await open();
        const outer = inner.with(prefixCollections(unique()));
        const name = unique();
        const all = { inner: inner.collection(name), outer: outer.collection(name) };
        await all.inner.get("a");
        await all.outer.get("a");
        await (closed === "inner" ? inner : outer).close();
        for (const [whose, records] of Object.entries(all)) {
          await rejects(
            () => records.get("a"),
            StoreClosedError,
            `the ${whose} store's get after the ${closed} was closed`,
          );
        }
      }
    },
  }),

  property({
    id: "lifecycle/other-stores-stay-open",
    title: "Closing a store leaves others open.",
    needs: ["write"],
    async run({ open, collection, unique }) {
      const records = collection();
      await records.put("a", 1);
      const other = await open();
      await other.collection(unique()).get("a");
      await other.close();
      equal(await records.get("a"), 1, "get after another store was closed");
    },
  }),

  property({
    id: "lifecycle/async-dispose",
    title: "Symbol.asyncDispose closes the store, so that `await using` does.",
    async run({ open, unique }) {
      const store = await open();
      await store.collection(unique()).get("a");
      await store[Symbol.asyncDispose]();
      await rejects(() => store.collection(unique()).get("a"), StoreClosedError, "get after dispose");
    },
  }),

  property({
    id: "lifecycle/close-during-an-enumeration",
    title: "A loop over an enumeration that stands still does not hold up close(); it ends or rejects when it goes on.",
    needs: ["write", "enumerate"],
    async run({ open, unique }) {
      const store = await open();
      const records = store.collection(unique());
      const keys = numbers(300).map((at) => `key-${at}`);
      await records.putMany(keys.map((key) => ({ key, value: key })));
      const loop = records.keys();
      const first = await loop.next();
      await store.close();
      const rest: string[] = [];
      try {
        rest.push(...(await collect(loop)));
      } catch (error) {
        if (!(error instanceof StoreClosedError)) throw new ConformanceError(`the loop: ${describeError(error)}`);
        return;
      }
      sameElements([...(first.done ? [] : [first.value]), ...rest], keys, "keys of a loop that ended after close()");
    },
  }),

  property({
    id: "lifecycle/close-leaves-no-connection",
    title: "close() leaves no connection open, so that the process can exit.",
    needs: ["write"],
    wants: ["proxy"],
    async run(context) {
      const proxy = await proxyOf(context);
      const store = await context.openThrough(proxy.address);
      const records = store.collection(context.unique());
      await Promise.all(numbers(20).map((at) => records.put(`key-${at}`, at)));
      ok(proxy.open > 0, "a connection is open while the store is in use");
      await store.close();
      ok(await proxy.idle(3000), `${proxy.open} connections are open 3 s after close()`);
    },
  }),
];
