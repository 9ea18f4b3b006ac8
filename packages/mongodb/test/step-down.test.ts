// A replica set whose primary steps down: calls wait for another one, and are served as soon as there is one.

import { rejection, serverFor, storesOf } from "@kv/test-servers";
import { MongoClient } from "mongodb";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { type MongodbStoreOptions, mongodbStore } from "../src/index.ts";
import { clientOf } from "./helpers.ts";
import { ReplicaSet } from "./replica-set.ts";

const { server, skipped } = await serverFor(vitest, "mongodb", { failPoints: true });
const { open, later } = storesOf(vitest, (options: MongodbStoreOptions) => mongodbStore(options));

describe.skipIf(skipped)("a primary that steps down", () => {
  it.each(["the store's own client", "a client of the caller's"])("is waited for, by %s", async (whose) => {
    const set = await ReplicaSet.start(server.port);
    later(() => set.close());
    const client = new MongoClient(set.url, { retryReads: false, retryWrites: false });
    later(() => client.close());
    const store = open({ ...(whose === "the store's own client" ? { url: set.url } : { client }), timeout: "30s" });
    await store.put("a", 1);

    set.isPrimary = false;
    const admin = clientOf(server);
    later(() => admin.close());
    const failPoint = { configureFailPoint: "failCommand", mode: { times: 1 } };
    await admin.db("admin").command({ ...failPoint, data: { failCommands: ["update"], errorCode: 10107 } });
    const refused = await rejection(store.put("a", 2));
    expect(refused).toMatchObject({ code: "UNAVAILABLE", retryable: true, outcome: "not-applied" });

    expect(await rejection(store.put("a", 3, { timeout: 300 }))).toMatchObject({
      retryable: true,
      outcome: "not-applied",
    });
    const waiting = Promise.all([store.put("a", 4), store.putIfAbsent("b", 4)]);
    // The client looks for a primary by itself meanwhile, twice a second, and finds none.
    expect(await rejection(store.get("a", { timeout: 700 }))).toMatchObject({ retryable: true });
    set.isPrimary = true;
    await waiting;
    expect(await store.get("a")).toBe(4);
    expect(await store.delete("b")).toBe(true);
  });
});
