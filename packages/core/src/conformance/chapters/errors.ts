/** Chapter "errors": one hierarchy; each error says which call failed, and never what was stored. */
import { around, defineLayer } from "../../driver/layer.ts";
import {
  BackendError,
  InvalidArgumentError,
  InvalidCounterError,
  InvalidNameError,
  InvalidTtlError,
  InvalidValueError,
  KeyValueError,
  StoreClosedError,
  TimeoutError,
} from "../../errors.ts";
import { ConformanceError, describeError, equal, ok, rejects, show } from "../assertions.ts";
import { checkError, operationsOf } from "../operations.ts";
import { type Property, property } from "../property.ts";
import { call } from "../support.ts";

/** Fails where the message of the error, or of an error that is its cause and ours, tells what is nobody's business. */
export function checkMessage(error: KeyValueError, secrets: readonly string[]): void {
  for (const secret of secrets) {
    ok(
      !error.message.includes(secret),
      `the message of a ${error.name} holds a value or a name: ${show(error.message)}`,
    );
  }
  if (error.cause instanceof KeyValueError) checkMessage(error.cause, secrets);
}

export const errors: readonly Property[] = [
  property({
    id: "errors/bad-timeout",
    title: "A timeout that is no positive time is an InvalidArgumentError of every operation, and nothing is done.",
    async run({ store, unique }) {
      for (const timeout of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, "soon", "", "-1s", null, {}]) {
        for (const operation of operationsOf(store, unique())) {
          // What is enumerated has no call of its own before the first page.
          const what = `${operation.name} with the timeout ${show(timeout)}`;
          const error = await rejects(
            () => Reflect.apply(operation.run, undefined, [{ timeout }]),
            InvalidArgumentError,
            what,
          );
          checkError(error, operation);
          equal(error.outcome, operation.writes ? "not-applied" : undefined, `${what}: outcome`);
        }
      }
    },
  }),

  property({
    id: "errors/bad-batch",
    title: "A batch of what is no iterable of keys or entries is refused by a rejection.",
    async run({ collection }) {
      const records = collection();
      const methods = ["getMany", "getEntries", ...(records.can("write") ? ["putMany", "deleteMany"] : [])];
      for (const method of methods) {
        for (const input of [undefined, null, 5, {}, "keys", [5], [null], [""]]) {
          const what = `${method}(${show(input)})`;
          const error = await rejects(() => call(records, method, input), KeyValueError, what, { operation: method });
          const expected = [InvalidArgumentError, InvalidNameError].some((one) => error instanceof one);
          ok(expected, `${what}: rejected with ${describeError(error)}`);
        }
      }
    },
  }),

  property({
    id: "errors/bad-atomic-arguments",
    title: "A revision that is none, a change that is no function and a step that is no finite number are refused.",
    needs: ["write", "atomic"],
    async run({ collection }) {
      const records = collection();
      await records.put("a", 1);
      const refused = async (method: string, ...args: unknown[]): Promise<void> => {
        const what = `${method}(${args.map(show).join(", ")})`;
        const shape = { operation: method, key: "a", outcome: "not-applied" };
        await rejects(() => call(records, method, ...args), InvalidArgumentError, what, shape);
        equal(await records.get("a"), 1, `the record after ${what}`);
      };
      for (const revision of [undefined, null, 5, {}, "", "absent"]) {
        await refused("compareAndSwap", "a", revision, 2);
        await refused("compareAndDelete", "a", revision);
      }
      for (const change of [undefined, null, 5, "x", {}]) await refused("update", "a", change);
      for (const by of [Number.NaN, Number.POSITIVE_INFINITY, "1", null, {}, 1n]) await refused("increment", "a", by);
    },
  }),

  property({
    id: "errors/bad-prefix",
    title: "A prefix that is no well-formed string is refused.",
    needs: ["enumerate"],
    async run({ store, collection }) {
      for (const prefix of [5, {}, "\ud800", ["a"]]) {
        const what = `the prefix ${show(prefix)}`;
        await rejects(() => call(collection(), "keys", { prefix }), InvalidNameError, `keys with ${what}`);
        await rejects(() => call(collection(), "entries", { prefix }), InvalidNameError, `entries with ${what}`);
        await rejects(() => call(store, "collections", { prefix }), InvalidNameError, `collections with ${what}`);
      }
    },
  }),

  property({
    id: "errors/never-thrown",
    title: "Whatever a method is given, it answers by a promise; if that rejects, then with a KeyValueError.",
    async run({ store, unique }) {
      const junk = [
        undefined,
        null,
        0,
        Number.NaN,
        "",
        "x",
        true,
        Symbol("s"),
        1n,
        {},
        [],
        () => 1,
        new Date(Number.NaN),
      ];
      // Nothing of it may reach the backend, where some would do harm.
      const idle = store.with(
        defineLayer("idle", (inner) => around(inner, () => Promise.reject(new BackendError("refused")))),
      );
      for (const { name } of operationsOf(store, unique())) {
        const records = idle.collection(unique());
        const target = Reflect.has(records, name) ? records : idle;
        for (let position = 0; position < 4; position++) {
          for (const one of junk) {
            const args: unknown[] = ["a", "r", 1, {}];
            args[position] = one;
            const what = `${name}(${args.map(show).join(", ")})`;
            let answer: Promise<unknown>;
            try {
              answer = call(target, name, ...args);
            } catch (error) {
              throw new ConformanceError(`${what} threw ${describeError(error)} instead of giving a promise`);
            }
            await answer.catch((error: unknown) => {
              ok(error instanceof KeyValueError, `${what} rejected with ${describeError(error)}`);
            });
          }
        }
      }
    },
  }),

  property({
    id: "errors/refused-writes-change-nothing",
    title: "A write that is refused for what it was given says so, and leaves the record as it was.",
    needs: ["write"],
    async run({ collection }) {
      const records = collection();
      await records.put("a", "before");
      const shape = { collection: records.name, key: "a", operation: "put", outcome: "not-applied", retryable: false };
      await rejects(() => call(records, "put", "a", Number.NaN), InvalidValueError, "put of NaN", shape);
      await rejects(() => call(records, "put", "a"), InvalidValueError, "put of nothing", shape);
      await rejects(() => records.put("a", 1, { ttl: 0 }), InvalidTtlError, "put with the TTL 0", shape);
      equal(await records.get("a"), "before", "the record after three puts that were refused");
    },
  }),

  property({
    id: "errors/refused-increment",
    title: "An increment of what is no number is an InvalidCounterError, and leaves the record as it was.",
    needs: ["write", "atomic"],
    async run({ collection }) {
      const records = collection();
      await records.put("a", "12");
      const shape = { collection: records.name, key: "a", operation: "increment", outcome: "not-applied" };
      const error = await rejects(() => records.increment("a"), InvalidCounterError, "increment of a string", shape);
      equal(error.retryable, false, "retryable");
      equal(await records.get("a"), "12", "the record after an increment that was refused");
    },
  }),

  property({
    id: "errors/backend-errors",
    title:
      "What a driver throws or rejects with arrives as a KeyValueError with that as its cause, from every operation.",
    async run({ store, unique }) {
      const cause = new Error("what the driver said");
      const failures = {
        thrown: (): never => {
          throw cause;
        },
        rejected: (): Promise<never> => Promise.reject(cause),
      };
      for (const [how, fail] of Object.entries(failures)) {
        const broken = store.with(defineLayer("broken", (inner) => around(inner, () => fail())));
        for (const operation of operationsOf(broken, unique())) {
          // Not needed from a driver, so there may be none that fails.
          if (["ping", "cull"].includes(operation.name)) continue;
          const what = `${operation.name} over a driver whose error is ${how}`;
          const error = await rejects(() => operation.run(), KeyValueError, what);
          checkError(error, operation);
          let found: unknown = error;
          while (found instanceof KeyValueError) found = found.cause;
          equal(found, cause, `${what}: the cause at the end of the chain`);
        }
      }
    },
  }),

  property({
    id: "errors/no-secrets",
    title: "No message holds a value, a key or a collection.",
    needs: ["write"],
    async run({ open, unique }) {
      const store = await open();
      const name = `secret-collection-${unique()}`;
      const key = "secret-key";
      const value = { password: "secret-value" };
      const secrets = ["secret-collection", "secret-key", "secret-value"];
      const records = store.collection(name);
      const stalled = store
        .with(defineLayer("stalled", (inner) => around(inner, () => new Promise<never>(() => {}))))
        .collection(name);
      await records.put(key, value);
      const put = (options: object, given: unknown = value) => call(records, "put", key, given, options);
      const seen: KeyValueError[] = [
        await rejects(() => put({}, [value, Number.NaN]), InvalidValueError, "put of a value with NaN"),
        await rejects(
          () => put({}, { ...value, more: "secret-value\ud800" }),
          InvalidValueError,
          "put of half a character",
        ),
        await rejects(() => put({ ttl: -1 }), InvalidTtlError, "put with a negative TTL"),
        await rejects(() => put({ timeout: -1 }), InvalidArgumentError, "put with a negative timeout"),
        await rejects(() => call(records, "get", `${key}\ud800`), InvalidNameError, "get of half a character"),
        await rejects(() => call(records, "getMany", key), InvalidArgumentError, "getMany of a string"),
        await rejects(() => stalled.put(key, value, { timeout: 20 }), TimeoutError, "put without an answer"),
      ];
      if (records.can("atomic")) {
        seen.push(await rejects(() => records.increment(key), InvalidCounterError, "increment of an object"));
        const swap = () => call(records, "compareAndSwap", key, "", value);
        seen.push(await rejects(swap, InvalidArgumentError, "compareAndSwap without a revision"));
      }
      await store.close();
      seen.push(await rejects(() => records.put(key, value), StoreClosedError, "put after close"));
      for (const error of seen) checkMessage(error, secrets);
    },
  }),
];
