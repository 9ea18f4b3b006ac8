/** Chapter "enumeration": many records, and names that are alike. */
import type { Capability } from "../../../capabilities.ts";
import type { Collection } from "../../../store.ts";

/** Puts a record at each key, with the key in its value. */
export async function fill<C extends Capability>(c: Collection<C | "write">, keys: readonly string[]): Promise<void> {
  await c.putMany(keys.map((key) => ({ key, value: { key } })));
}

/** Names that begin like another, or mean it as a pattern. */
export const neighbours = (name: string): string[] =>
  ["b", ":", ":b", "::", "::b", "*", "?", "_", "__", "__b", "/", "/b", ".", "%", " ", "\0", "[a]", "\\", "-b", "A"].map(
    (end) => name + end,
  );
