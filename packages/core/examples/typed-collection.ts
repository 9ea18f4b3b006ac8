/** A collection with a schema, under all three wrappers. */
import assert from "node:assert/strict";
import { SchemaError } from "@kv/core";
import { encryption, keyFromPassphrase, prefixCollections, retry } from "@kv/core/wrappers";
import { memoryStore } from "@kv/memory";
import { z } from "zod";

const key = await keyFromPassphrase("correct horse battery staple", "my-server");

const store = memoryStore()
  .with(encryption({ keys: [{ id: "2026", key }] })) // innermost: the backend sees ciphertext only
  .with(prefixCollections("my-server"))
  .with(retry()); // outermost: repeats what all the others do

const User = z.object({ name: z.string(), visits: z.number().default(0) });
const users = store.collection("users", { schema: User });

await users.put("ada", { name: "Ada" });
const ada = await users.get("ada"); // { name: string, visits: number } | undefined
assert.deepEqual(ada, { name: "Ada", visits: 0 });

await users.update("ada", (user) => user && { ...user, visits: user.visits + 1 });

await assert.rejects(users.put("bob", JSON.parse('{ "name": 7 }')), (error) => {
  assert(error instanceof SchemaError);
  assert.deepEqual(error.path, ["name"]);
  return true;
});

await store.close();
