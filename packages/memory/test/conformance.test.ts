// The contract: plain, under each wrapper, and under all of them.

import { conformance, underWrappers } from "@kv/core/conformance";
import { describe, it } from "vitest";
import { memoryStore } from "../src/index.ts";

for (const target of underWrappers({ name: "memory", open: (options) => memoryStore(options) })) {
  await conformance(target).register({ describe, it });
}

await conformance({
  name: "memory with a bound",
  open: (options) => memoryStore({ ...options, maxEntries: 1e6 }),
}).register({ describe, it });
