// A near store, a second store for outages, one store made of several.
import assert from "node:assert/strict";
import { cache, fallback, route } from "@kv/core/wrappers";
import { memoryStore } from "@kv/memory";

const far = memoryStore(); // redisStore(…), say
const near = memoryStore({ maxEntries: 10_000 });
const cached = far.with(cache(near, { ttl: "10s", missTtl: "1s", writes: "through" }));
await cached.put("a", 1);
assert.equal(await near.has("a"), true);

const outage = fallback(memoryStore(), { onEvent: (event) => console.warn(event.type) });
const reliable = memoryStore().with(outage);
await reliable.put("a", 1);
assert.deepEqual(await outage.replay(), { applied: 0, kept: 0 });

const [hot, main] = [memoryStore({ maxEntries: 1000 }), memoryStore()];
const store = route({ stores: { hot, main }, by: { sessions: "hot" }, default: "main" });
await store.collection("sessions").put("ada", { since: "2026" });
assert.equal(await hot.collection("sessions").has("ada"), true);
assert.equal(await main.collection("sessions").has("ada"), false);

// Stores that were given are not closed with the one that is made of them.
for (const one of [cached, near, reliable, store, hot, main]) await one.close();
