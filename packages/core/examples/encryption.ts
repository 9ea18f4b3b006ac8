// Encrypting a store that exists, and changing its key, while it is in use.
import assert from "node:assert/strict";
import { encryption, keyFromPassphrase, reencrypt } from "@kv/core/wrappers";
import { memoryStore } from "@kv/memory";

const backend = memoryStore();
await backend.put("before", "in plaintext");

const old = { id: "2025", key: await keyFromPassphrase("correct horse battery staple", "my-server") };
const key = { id: "2026", key: crypto.getRandomValues(new Uint8Array(32)) };

// The first key encrypts, all decrypt. Plaintext is refused unless it is accepted for the time of the change.
const store = backend.with(encryption({ keys: [key, old], acceptPlaintext: true }));

// Rewrites what is not under the first key. May be ended at any time, and begun again after a collection.
for await (const { collection, done, rewritten, failures } of reencrypt(store)) {
  assert.deepEqual(failures, []);
  if (done) assert.deepEqual([collection, rewritten], ["default_collection", 1]);
}

const strict = backend.with(encryption({ keys: [key] }));
assert.equal(await strict.get("before"), "in plaintext");

await backend.close();
