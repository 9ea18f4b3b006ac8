/** What the tests of wrappers of names begin with. */
import { createStore } from "@kv/core";
import type { Layer } from "@kv/core/driver";
import fc from "fast-check";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { collect } from "../../src/conformance/support.ts";

/** A store, and the same seen through a wrapper. */
export function wrapped(layer: Layer, driver = new CompleteDriver()) {
  const plain = createStore(driver);
  return { plain, store: plain.with(layer) };
}

/** All names of an enumeration, in order. */
export async function sorted(names: AsyncIterable<string>): Promise<string[]> {
  return (await collect(names)).sort();
}

/** Any name; every other one of what separators and escapes are made of. */
export const anyName = fc.oneof(
  fc.string({ unit: fc.constantFrom("_", "%", "5", "F", "a"), minLength: 1, maxLength: 6 }),
  fc.string({ unit: "grapheme", minLength: 1 }),
);
