// The contract: plain, under each wrapper, under all of them, and under stacks drawn at random.

import { conformance, underEachWrapper } from "@kv/core/conformance";
import { describe, it } from "vitest";
import { memoryStore } from "../src/index.ts";

for (const target of await underEachWrapper({ name: "memory", open: (options) => memoryStore(options) })) {
  await conformance(target).register({ describe, it });
}

await conformance({
  name: "memory with a bound",
  open: (options) => memoryStore({ ...options, maxEntries: 1e6 }),
}).register({ describe, it });
