/** The first five minutes: a store in memory, in place of which any other may stand. */
import assert from "node:assert/strict";
import { openStore } from "@kv/core";

const store = await openStore("memory:", { needs: ["write", "atomic", "enumerate"] });

await store.put("greeting", { text: "hello" });
assert.deepEqual(await store.get("greeting"), { text: "hello" });
assert.equal(await store.get("nothing"), undefined);

// Records end when their time to live is over: seconds, or a duration.
await store.put("code", 123456, { ttl: "10m" });

// Collections keep records apart.
const visits = store.collection("visits");
assert.equal(await visits.increment("ada"), 1);
assert.equal(await visits.increment("ada"), 2);

// Of any number of callers, in any number of processes, one gets the code.
assert.equal(await store.take("code"), 123456);
assert.equal(await store.take("code"), undefined);

// Changes by what was read: runs again where another process was faster.
await store.update("greeting", () => ({ text: "good morning" }));

for await (const key of visits.keys()) assert.equal(key, "ada");

await store.close();
