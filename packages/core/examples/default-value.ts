// What get gives where there is nothing.
import assert from "node:assert/strict";
import { defaultValue } from "@kv/core/wrappers";
import { memoryStore } from "@kv/memory";

const settings = memoryStore().with(defaultValue({ theme: "light" }));

assert.deepEqual(await settings.get("ada"), { theme: "light" });
assert.deepEqual(await settings.getMany(["ada", "bob"]), [{ theme: "light" }, { theme: "light" }]);

// It is never stored, and nothing else knows of it.
assert.equal(await settings.has("ada"), false);
await settings.update("ada", (current) => {
  assert.equal(current, undefined);
  return { theme: "dark" };
});
assert.deepEqual(await settings.get("ada"), { theme: "dark" });

await settings.close();
