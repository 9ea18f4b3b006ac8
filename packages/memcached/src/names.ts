/** Under which key a record lies. */
import { createHash } from "node:crypto";
import { joinNames, type RecordId } from "@kv/core/driver";

/**
 * Which names are hashed beside those that memcached cannot have: with `"python"` none, as Python's store by default;
 * with `"python-v1"` those of more than 240 characters, as its MemcachedV1KeySanitizationStrategy.
 */
export type Naming = "python" | "python-v1";

/** What memcached takes, in bytes. */
export const KEY_BYTES = 250;

/** Of Python's strategy, in characters. */
const V1_CHARACTERS = 240;

/** White space and control characters, which end a key in memcached's text protocol, and which Python's client refuses. */
const SEPARATOR = /[\0-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/**
 * `collection::key`, see `joinNames`, where that is a key for memcached and for Python's client; else its hash, spelled as
 * Python's strategy does. The two never meet, since a hash holds no `::`.
 */
export function keyOf({ collection, key }: RecordId, naming: Naming): string {
  const name = joinNames(collection, key, "::");
  const fits =
    name.length <= KEY_BYTES &&
    Buffer.byteLength(name) <= KEY_BYTES &&
    !SEPARATOR.test(name) &&
    (naming === "python" || name.length <= V1_CHARACTERS || [...name].length <= V1_CHARACTERS);
  return fits ? name : `H_${createHash("sha256").update(name).digest("hex")}`;
}
