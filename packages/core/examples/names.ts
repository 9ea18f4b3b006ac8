// Several programs, or tenants, in one backend: by collection, by key, or all in one collection.
import assert from "node:assert/strict";
import { prefixCollections, prefixKeys, singleCollection } from "@kv/core/wrappers";
import { memoryStore } from "@kv/memory";

const backend = memoryStore();

const app = backend.with(prefixCollections("app"));
await app.collection("users").put("ada", 1);
assert.equal(await backend.collection("app__users").get("ada"), 1);

const tenant = backend.with(prefixKeys("tenant-7"));
await tenant.collection("users").put("ada", 2);
assert.equal(await backend.collection("users").get("tenant-7__ada"), 2);

const single = backend.with(singleCollection("everything"));
await single.collection("users").put("ada", 3);
assert.equal(await backend.collection("everything").get("users__ada"), 3);

// Each sees and clears what is its own.
await tenant.clearAll();
for await (const name of single.collections()) assert.equal(name, "users");
assert.equal(await app.collection("users").get("ada"), 1);

await backend.close();
