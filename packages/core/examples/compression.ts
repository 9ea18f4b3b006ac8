// Large values take less room; small ones stay as they are.
import assert from "node:assert/strict";
import { compression, limitSize } from "@kv/core/wrappers";
import { memoryStore } from "@kv/memory";

const backend = memoryStore();
const store = backend
  .with(compression({ threshold: 1024 })) // brotli, which every supported Node.js reads
  .with(limitSize({ max: 1_000_000 })); // outside: counts what the caller gave

const page = "<p>all work and no play</p>\n".repeat(1000);
await store.put("page", page);
assert.equal(await store.get("page"), page);
assert(JSON.stringify(await backend.get("page")).length < 500);

await assert.rejects(store.put("page", page.repeat(100)), {
  code: "VALUE_TOO_LARGE",
  size: 2_900_002,
  limit: 1_000_000,
});

await backend.close();
