// Who may connect, and how: users with few permissions, passwords, TLS, URLs, a client of the caller's.

import { readFile } from "node:fs/promises";
import {
  clientSuite,
  doEverything,
  listed,
  optionsSuite,
  serverFor,
  storesOf,
  tlsSuite,
  urlSuite,
  usersSuite,
} from "@kv/test-servers";
import { MongoClient, type MongoClientOptions } from "mongodb";
import * as vitest from "vitest";
import { beforeAll, describe, expect, it } from "vitest";
import { MongodbDriver, type MongodbStoreOptions, mongodbStore } from "../src/index.ts";
import { clientOf, DATABASE } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "mongodb", { own: true });
const { server: guarded, skipped: noAuth } = await serverFor(vitest, "mongodb", { auth: true });
const { server: secure, skipped: noTls } = await serverFor(vitest, "mongodb", { tls: true });

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
/** What the README tells that a user needs for everything. */
const permissions: readonly string[] = JSON.parse(/```json\n(.*?)\n```/s.exec(readme)?.[1] ?? "[]");

const { open, later } = storesOf(vitest, (options: MongodbStoreOptions) => mongodbStore(options));

const PASSWORD = "p/w:@%";

const as = (username: string, password = PASSWORD) =>
  open({ url: guarded.url, auth: { username, password }, authSource: "admin" });

if (!noAuth) {
  beforeAll(async () => {
    const client = clientOf(guarded);
    const admin = client.db("admin");
    const inDatabase = { db: DATABASE, collection: "" };
    const roles = {
      app: permissions,
      least: ["find", "insert", "update", "remove"],
      reader: ["find", "listCollections"],
    };
    for (const [role, actions] of Object.entries(roles)) {
      await admin.command({ createRole: role, privileges: [{ resource: inDatabase, actions }], roles: [] });
      await admin.command({ createUser: role, pwd: PASSWORD, roles: [{ role, db: "admin" }] });
    }
    await admin.command({ createUser: "stranger", pwd: PASSWORD, roles: [{ role: "read", db: "other" }] });
    await client.close();
    await guarded.restart();
  });
}

usersSuite(vitest, {
  skipped: noAuth,
  everything() {
    expect(permissions).toContain("find");
    return [as("app")];
  },
  reader: () => as("reader"),
  strangers: () => [as("stranger")],
  intruders: () => [as("app", "wrong "), as("nobody"), open({ url: guarded.url })],
  refusesBatches: true,
  pings: true,
});

describe.skipIf(noAuth)("a user", () => {
  it("needs no more than reading and writing where the collection is there", async () => {
    await as("app").collection("users").put("a", 1);
    const store = as("least");
    await doEverything(vitest, store);
    // There the collection is made by the first write, without indexes.
    await store.collection("new").put("a", 1);
    expect(await store.collection("new").take("a")).toBe(1);
  });

  it("lists collections where it may only read", async () => {
    await as("app").put("a", 1);
    expect(await listed(as("reader").collections())).toContain("default_collection");
  });

  it("may be in the URL, percent-encoded", async () => {
    const url = `mongodb://app:${encodeURIComponent(PASSWORD)}@127.0.0.1:${guarded.port}/?authSource=admin`;
    await open({ url }).put("by URL", 1);
    expect(await as("app").get("by URL")).toBe(1);
  });
});

tlsSuite(vitest, {
  skipped: noTls ?? skipped,
  trusting: () => [open({ url: secure.url, ca: secure.ca })],
  distrusting: () => open({ url: secure.url }),
  mismatched: () => [
    {
      store: open({ url: `mongodb://127.0.0.1:${secure.port}`, timeout: 500 }),
      put: { retryable: true, outcome: "not-applied" },
    },
    { store: open({ url: server.url, tls: true, timeout: 500 }), put: { outcome: "not-applied" } },
  ],
});

urlSuite(vitest, {
  skipped,
  url: () => `${server.url}by_url`,
  driver: MongodbDriver,
  same: () => open({ url: server.url, database: "by_url" }),
});

describe.skipIf(skipped)("a URL", () => {
  it("may ask for retries, as URLs that are handed out do, in vain", () => {
    const store = open({ url: `${server.url}?retryWrites=true&w=majority&appName=test` });
    expect(store).toBeDefined();
  });
});

optionsSuite(vitest, {
  make: (options) => mongodbStore(options as MongodbStoreOptions),
  wrong: [
    ["a URL that is none", { url: "127.0.0.1" }],
    ["another scheme", { url: "redis://127.0.0.1" }],
    ["a URL without a host", { url: "mongodb://" }],
    ["an option of the URL that is none", { url: "mongodb://h/?x=1" }],
    ["a broken encoding", { url: "mongodb://a:%zz@a" }],
    ["reads from other servers", { url: "mongodb://h/?readPreference=secondary" }],
    ["writes that may be lost", { url: "mongodb://h/?w=1" }],
    ["writes without an answer", { url: "mongodb://h/?w=0" }],
    ["a database that is none", { database: "a.b" }],
    ["an empty database", { database: "" }],
    ["a database of too long a name", { database: "x".repeat(64) }],
    ["names", { names: "some" }],
    ["numbers", { numbers: "some" }],
    ["an option that would change how requests are sent", { retryWrites: true }],
    ["an option of the driver that is wrong", { maxPoolSize: -1 }],
    ["a client that is none", { client: {} }],
  ],
  secret: (password) =>
    [
      `mongodb://u:${password}@h:99999`,
      `mongodb://u:${password}@`,
      `http://u:${password}@h`,
      `mongodb://u:%${password}@h`,
      `mongodb://u:${password}@h/?unknown=${password}`,
      `mongodb+srv://u:${password}@h:1`,
    ].map((url) => ({ url })),
});

const SETTINGS = { retryWrites: false, retryReads: false } as const;

function newClient(options: MongoClientOptions): MongoClient {
  const client = new MongoClient(server.url, options);
  later(() => client.close());
  return client;
}

clientSuite(vitest, {
  skipped,
  // Connected or not, whatever it makes of values.
  async *usual() {
    for (const options of [
      {},
      { promoteLongs: false, promoteValues: false },
      { useBigInt64: true, ignoreUndefined: false, enableUtf8Validation: false },
      { readConcern: { level: "majority" } as const, maxPoolSize: 1 },
    ]) {
      const client = newClient({ ...SETTINGS, ...options });
      if (options.maxPoolSize) await client.connect();
      const listeners = () =>
        ["error", "topologyDescriptionChanged"].map((event) => client.rawListeners(event as "error").length);
      const before = listeners();
      const works = async (): Promise<void> => {
        expect(await client.db("admin").command({ ping: 1 })).toMatchObject({ ok: 1 });
        expect(listeners()).toEqual(before);
      };
      yield { client, store: open({ client }), works };
    }
  },
  breaking: () =>
    (
      [
        {},
        { retryWrites: false },
        { retryReads: false },
        { ...SETTINGS, readPreference: "secondaryPreferred" },
        { ...SETTINGS, w: 1 },
        { ...SETTINGS, w: 0 },
      ] satisfies MongoClientOptions[]
    ).map((options) => () => mongodbStore({ client: newClient(options) })),
  beside: () => [
    () => mongodbStore({ client: newClient(SETTINGS), url: server.url }),
    () => mongodbStore({ client: newClient(SETTINGS), maxPoolSize: 1 }),
  ],
  async closed() {
    const client = newClient(SETTINGS);
    return { store: open({ client }), close: () => client.close() };
  },
});

describe.skipIf(skipped)("a client of the caller's", () => {
  it("lists, whatever it makes of values", async () => {
    for (const options of [{ promoteLongs: false, promoteValues: false }, { useBigInt64: true }]) {
      const store = open({ client: newClient({ ...SETTINGS, ...options }), database: "lists" });
      await store.putMany(Array.from({ length: 49 }, (_, at) => ({ key: `k${at}`, value: 2 ** 40 })));
      expect(await listed(store.collection().keys())).toHaveLength(49);
      expect(await listed(store.collections())).toEqual(["default_collection"]);
      expect((await listed(store.collection().entries())).every(({ value }) => value === 2 ** 40)).toBe(true);
    }
  });
});
