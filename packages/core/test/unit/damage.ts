/** Records damaged in one byte, or at random: a wrapper that checks what it reads gives the right value, or an error. */
import { DecryptionError, type JsonValue, KeyValueError, type KeyValueStore } from "@kv/core";
import fc from "fast-check";
import { expect } from "vitest";

type Store = KeyValueStore<"write">;

/** What is read after one bit of each byte was flipped, where the backend would still take it for JSON. */
function* flipped(stored: JsonValue): Generator<JsonValue> {
  const good = Buffer.from(JSON.stringify(stored));
  for (let at = 0; at < good.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      const value = parsed(bytes.toString("utf8"));
      if (value !== undefined) yield value;
    }
  }
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Puts `value` through `store`, damages what lies in `plain`, the backend below it, and reads it again: by flipping each
 * bit, then by replacing, inserting and removing bytes at random. Gives the codes of the errors.
 */
export async function damage(plain: Store, store: Store, value: JsonValue): Promise<Set<string>> {
  await store.put("damaged", value);
  const stored = (await plain.get("damaged")) as JsonValue;
  const codes = new Set<string>();
  const read = async (damaged: JsonValue): Promise<void> => {
    await plain.put("damaged", damaged);
    try {
      expect(await store.get("damaged"), JSON.stringify(damaged)).toEqual(value);
    } catch (error) {
      if (!(error instanceof KeyValueError)) throw error;
      codes.add(error.code);
    }
  };
  for (const one of flipped(stored)) await read(one);
  const text = JSON.stringify(stored);
  const edit = fc.record({ at: fc.nat(text.length - 1), cut: fc.nat(3), by: fc.string({ maxLength: 3 }) });
  await fc.assert(
    fc.asyncProperty(edit, async ({ at, cut, by }) => {
      const one = parsed(text.slice(0, at) + by + text.slice(at + cut));
      if (one !== undefined) await read(one);
    }),
    { numRuns: 500 },
  );
  await plain.put("damaged", stored);
  expect(await store.get("damaged")).toEqual(value);
  return codes;
}

/** Each is the error of what cannot be decrypted under that key, without a word of the secret. */
export function expectUndecrypted(errors: readonly unknown[], key: string, secret: string): void {
  for (const error of errors) {
    if (!(error instanceof DecryptionError)) throw error;
    expect(error).toMatchObject({ code: "DECRYPTION_FAILED", retryable: false, key });
    expect(`${error.stack} ${JSON.stringify(error)} ${error.cause}`).not.toContain(secret);
  }
}
