/** Chapter "enumeration": many records, and names that are alike. */
import type { Capability } from "../../../capabilities.ts";
import type { Collection } from "../../../store.ts";

export const keysTo = (count: number, name = "key"): string[] =>
  Array.from({ length: count }, (_, at) => `${name} ${at}`);

export async function fill<C extends Capability>(c: Collection<C | "write">, keys: readonly string[]): Promise<void> {
  await c.putMany(keys.map((key) => ({ key, value: { key } })));
}

/** Names that begin like another, or mean it as a pattern. */
export const neighbours = (name: string): string[] =>
  ["b", ":", ":b", "::", "::b", "*", "?", "_", "__", "__b", "/", "/b", ".", "%", " ", "\0", "[a]", "\\", "-b", "A"].map(
    (end) => name + end,
  );
