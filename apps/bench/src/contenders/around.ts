/** kv in memory under wrappers that do nothing: what a wrapper costs by being there. */
import { around, defineLayer } from "@kv/core/driver";
import { memoryStore } from "@kv/memory";
import type { Contender } from "../contender.ts";

export function openUnder(wrappers: number): Contender {
  let store = memoryStore();
  for (let count = 0; count < wrappers; count++) {
    store = store.with(defineLayer("nothing", (inner) => around(inner, (_, call, exchange) => exchange(call))));
  }
  return { collection: (name) => store.collection(name), close: () => store.close() };
}
