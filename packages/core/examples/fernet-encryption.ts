// Values that Python's FernetEncryptionWrapper reads and writes.
import assert from "node:assert/strict";
import { fernetEncryption, fernetKeyFromPassphrase } from "@kv/core/wrappers";
import { memoryStore } from "@kv/memory";

// Python: FernetEncryptionWrapper(store, source_material="correct horse battery staple", salt="my-server")
const key = await fernetKeyFromPassphrase("correct horse battery staple", "my-server");

const backend = memoryStore(); // in earnest one that both use: Redis, MongoDB …
const store = backend.with(fernetEncryption({ keys: [key] }));

await store.put("ada", { name: "Ada" });
assert.deepEqual(await store.get("ada"), { name: "Ada" });
assert.deepEqual(Object.keys(Object(await backend.get("ada"))), ["__encrypted_data__", "__encryption_version__"]);

await backend.close();
