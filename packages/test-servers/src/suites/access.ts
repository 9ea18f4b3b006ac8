// Who may connect, and how: what is the same on every backend. Each says which users, certificates, options and clients it has.

import { inspect } from "node:util";
import { type KeyValueStore, openStore } from "@kv/core";
import type * as vitest from "vitest";
import { listed, rejection } from "../promises.ts";

type Store = KeyValueStore<"write" | "atomic">;
type FullStore = KeyValueStore<"write" | "atomic" | "enumerate" | "clear">;

const DENIED = { code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" };

export interface UsersOptions {
  readonly skipped: string | undefined;
  /** Who may do everything with the permissions that the README tells: a store for each server. */
  everything(): readonly FullStore[];
  /** Who may only read. */
  reader(): FullStore;
  /** Who is let in, but may neither read nor write. */
  strangers(): readonly FullStore[];
  /** Who is let in, but may not even ask whether the server is there. */
  mutes?(): readonly FullStore[];
  /** Who is not let in: each with a wrong password, `wrong `, with a name that there is not, or with none. */
  intruders(): readonly FullStore[];
  /** Whether a batch that is refused is told as a whole, rather than by key. Default: false. */
  readonly refusesBatches?: boolean;
  /** Whether the server tells anybody that it is there. Default: false. */
  readonly pings?: boolean;
}

/** Registers the tests of what users may do. `runner` is vitest itself. */
export function usersSuite(runner: typeof vitest, options: UsersOptions): void {
  const { describe, it, expect } = runner;

  describe.skipIf(options.skipped)("a user", () => {
    it("does everything with the permissions that the README tells", async () => {
      for (const store of options.everything()) {
        await doEverything(runner, store);
        await listAndClear(runner, store);
      }
    });

    it("reads what it may read, and is told by AccessDeniedError what it may not do", async () => {
      await options.everything()[0]?.put("a", 1);
      const store = options.reader();
      expect(await store.get("a")).toBe(1);
      expect(await store.getMany(["a", "b"])).toEqual([1, undefined]);
      expect(await listed(store.collection().keys())).toEqual(["a"]);
      for (const write of [
        () => store.put("a", 2),
        () => store.delete("a"),
        () => store.take("a"),
        () => store.putIfAbsent("b", 2),
        () => store.increment("n"),
        () => store.update("a", () => 2),
      ]) {
        expect(await rejection(write())).toMatchObject(DENIED);
      }
      expect(await rejection(store.collection().clear())).toMatchObject({ code: "ACCESS_DENIED" });
      expect(await rejection(store.putMany([{ key: "b", value: 1 }]))).toMatchObject(
        options.refusesBatches ? DENIED : { failures: [{ key: "b", error: DENIED }] },
      );
      expect(await store.get("a")).toBe(1);
      await options.everything()[0]?.delete("a");
    });

    it("is told by AccessDeniedError that it may do nothing", async () => {
      const strangers = options.strangers();
      expect(strangers.length).toBeGreaterThan(0);
      for (const store of strangers) {
        expect(await rejection(store.get("a"))).toMatchObject({ code: "ACCESS_DENIED" });
        expect(await rejection(store.put("a", 2))).toMatchObject(DENIED);
      }
      for (const store of options.mutes?.() ?? []) {
        expect(await rejection(store.ping())).toMatchObject({ code: "ACCESS_DENIED" });
      }
    });

    it("is not let in with a wrong password, or with none", async () => {
      const intruders = options.intruders();
      expect(intruders.length).toBeGreaterThan(1);
      for (const store of intruders) {
        const error = await rejection(store.put("a", 1));
        expect(error).toMatchObject(DENIED);
        expect(inspect(error, { depth: 10 })).not.toContain("wrong ");
        expect(await rejection(store.get("a"))).toMatchObject({ code: "ACCESS_DENIED" });
        if (!options.pings) expect(await rejection(store.ping())).toMatchObject({ code: "ACCESS_DENIED" });
      }
    });
  });
}

/** Each operation on records, in a collection that is empty before and after but for the record `c`. */
export async function doEverything({ expect }: typeof vitest, store: FullStore): Promise<void> {
  const users = store.collection("users");
  await users.put("a", 1, { ttl: "1h" });
  expect(await users.get("a")).toBe(1);
  await users.putMany([{ key: "b", value: 2 }]);
  expect(await users.getMany(["a", "b", "c"])).toEqual([1, 2, undefined]);
  expect(await users.putIfAbsent("a", 1)).toBeUndefined();
  const revision = await users.putIfAbsent("c", 1);
  expect(revision && (await users.compareAndDelete("c", revision))).toBe(true);
  expect(await users.putIfAbsent("c", 1)).toBeDefined();
  expect(await users.increment("n", 2, { ttl: "1h" })).toBe(2);
  expect(await users.increment("n", 2)).toBe(4);
  expect(await users.touch("n", null)).toBe(true);
  expect(await users.take("n")).toBe(4);
  expect(await users.delete("a")).toBe(true);
  expect(await users.deleteMany(["b"])).toBe(1);
  expect(await listed(users.entries())).toMatchObject([{ key: "c" }]);
  await users.clear();
  expect(await listed(users.keys())).toEqual([]);
  await store.ping();
}

/** Each operation on a whole store, which is empty before and after. */
export async function listAndClear({ expect }: typeof vitest, store: FullStore): Promise<void> {
  await store.collection("users").put("a", 1);
  expect(await listed(store.collections())).toEqual(["users"]);
  await store.cull();
  expect(await listed(store.collections())).toEqual(["users"]);
  await store.clearAll();
  expect(await listed(store.collections())).toEqual([]);
}

/** A store, and what its operations are to be rejected with. */
export interface Refused {
  readonly store: Store;
  readonly get?: object;
  readonly put: object;
}

export interface TlsOptions {
  /** Of a backend that speaks it to several servers. */
  readonly title?: string;
  readonly skipped: string | undefined;
  /** Stores on a server that speaks TLS, which trust its authority. */
  trusting(): readonly Store[] | Promise<readonly Store[]>;
  /** One that trusts those of Node.js only. */
  distrusting(): Store;
  /** Without TLS to the server that speaks it; where there is one, with TLS to another that does not. */
  mismatched(): readonly Refused[];
}

/** Registers the tests of TLS. `runner` is vitest itself. */
export function tlsSuite(runner: typeof vitest, options: TlsOptions): void {
  const { describe, it, expect } = runner;

  describe.skipIf(options.skipped)(options.title ?? "TLS", () => {
    it("is spoken, with an authority of one's own, as options and the URL say", async () => {
      for (const store of await options.trusting()) {
        await store.put("a", "x".repeat(100_000));
        expect(await store.get("a")).toHaveLength(100_000);
        expect(await store.increment("n")).toBe(1);
        expect(await store.deleteMany(["a", "n"])).toBe(2);
      }
    });

    it("trusts nobody else, and says so", async () => {
      const store = options.distrusting();
      for (const attempt of [() => store.get("a"), () => store.put("a", 1)]) {
        const error = await rejection(attempt());
        expect(error).toMatchObject({ code: "BACKEND_FAILURE", retryable: false });
        expect(String(error)).toMatch(/certificate/);
      }
      expect(await rejection(store.put("a", 1))).toMatchObject({ outcome: "not-applied" });
    });

    it("is missed where only one side speaks it", async () => {
      for (const { store, get, put } of options.mismatched()) {
        if (get) expect(await rejection(store.get("a"))).toMatchObject(get);
        expect(await rejection(store.put("a", 1))).toMatchObject(put);
      }
    });
  });
}

export interface UrlOptions {
  readonly skipped: string | undefined;
  url(): string;
  readonly driver: abstract new (...args: never[]) => unknown;
  /** A store on the same records, by options. */
  same(): Store;
}

/** Registers the test of a store's URL. `runner` is vitest itself. */
export function urlSuite(runner: typeof vitest, { skipped, url, driver, same }: UrlOptions): void {
  const { describe, it, expect } = runner;

  describe.skipIf(skipped)("a URL", () => {
    it("opens a store by its scheme, with all that it says", async () => {
      const store = await openStore(url(), { needs: ["write", "atomic"], defaultCollection: "mine" });
      try {
        expect(store.driver).toBeInstanceOf(driver);
        await store.put("by URL", 1);
        expect(await same().collection("mine").get("by URL")).toBe(1);
        expect(await store.increment("by URL")).toBe(2);
        expect(await store.delete("by URL")).toBe(true);
      } finally {
        await store.close();
      }
    });
  });
}

export interface RefusedOptions {
  /** Makes a store of options that may be wrong. */
  make(options: unknown): unknown;
  /** Wrong ones, and what the error says. */
  readonly wrong: readonly (readonly [title: string, options: object, message?: RegExp])[];
  /** Wrong ones, with a password in them. */
  secret(password: string): readonly object[];
}

/** Registers the tests of options that are refused. `runner` is vitest itself. */
export function optionsSuite(runner: typeof vitest, { make, wrong, secret }: RefusedOptions): void {
  const { describe, it, expect } = runner;
  const refusalOf = (options: object): unknown => {
    try {
      make(options);
    } catch (error) {
      return error;
    }
    throw new Error("the options were taken");
  };

  describe("options", () => {
    const cases = wrong.map(([title, options, message = /./]) => ({ title, options, message }));
    it.each(cases)("are refused: $title", ({ options, message }) => {
      const error = refusalOf(options);
      expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
      expect(String(error)).toMatch(message);
    });

    it("are never repeated with a secret", () => {
      const password = "s3cret-of-the-caller";
      const all = secret(password);
      expect(all.length).toBeGreaterThan(0);
      for (const options of all) {
        const error = refusalOf(options);
        expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
        expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(password);
      }
    });
  });
}

export interface CallersClient {
  readonly client: unknown;
  readonly store: Store;
  /** Resolves if the client still works. */
  works(): Promise<unknown>;
}

export interface ClientOptions {
  readonly title?: string;
  readonly skipped: string | undefined;
  /** Clients of all kinds, each with a store over it: connected or not, with settings of their own. */
  usual(): AsyncIterable<CallersClient> | Iterable<CallersClient>;
  /** Makes a store over a client that would break the contract. */
  breaking(): AsyncIterable<() => unknown> | Iterable<() => unknown>;
  /** Makes a store over a client, and beside it of other options. */
  beside(): AsyncIterable<() => unknown> | Iterable<() => unknown>;
  /** A store whose client can be closed by its owner; absent where a client has nothing to close. */
  closed?(): Promise<{ readonly store: Store; close(): unknown }>;
}

/** Registers the tests of a client of the caller's. `runner` is vitest itself. */
export function clientSuite(runner: typeof vitest, options: ClientOptions): void {
  const { describe, it, expect } = runner;

  describe.skipIf(options.skipped)(options.title ?? "a client of the caller's", () => {
    it("works, with whatever settings it has, and stays open", async () => {
      let count = 0;
      for await (const { client, store, works } of options.usual()) {
        count++;
        const keys = Array.from({ length: 50 }, (_, at) => `k${at}`);
        await Promise.all(keys.map((key, at) => store.put(key, { at, long: 2 ** 40, none: undefined })));
        expect(await store.get("k49")).toStrictEqual({ at: 49, long: 2 ** 40 });
        expect(await store.getMany(["k1", "none"])).toStrictEqual([{ at: 1, long: 2 ** 40 }, undefined]);
        expect(await store.take("k49")).toStrictEqual({ at: 49, long: 2 ** 40 });
        expect(Reflect.get(store.driver, "client")).toBe(client);
        expect(await store.deleteMany(keys)).toBe(49);
        await store.close();
        await works();
      }
      expect(count).toBeGreaterThan(0);
    });

    it("is refused where it would break the contract, or beside other options", async () => {
      for await (const make of options.breaking()) expect(make).toThrow(/would break the contract/);
      for await (const make of options.beside()) {
        expect(make).toThrow(/not both/);
        expect(make).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
      }
    });

    const { closed } = options;
    if (!closed) return;
    it("is of no more use once its owner has closed it", async () => {
      const { store, close } = await closed();
      await store.put("a", 1);
      await close();
      expect(await rejection(store.get("a"))).toMatchObject({ code: "UNAVAILABLE" });
      expect(await rejection(store.put("a", 2))).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    });
  });
}
