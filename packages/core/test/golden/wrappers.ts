/** What Python's wrappers store: the content of wrappers.json, which make.py makes. */
import { readFile } from "node:fs/promises";
import type { JsonValue } from "@kv/core";

interface Golden {
  /** Fernet keys, the first of which encrypts. */
  readonly keys: readonly [string, string];
  readonly derived: readonly { readonly passphrase: string; readonly salt: string; readonly key: string }[];
  /** Of `{"b":1,"a":"\u00e9"}`, with the first key and the bytes from 0 to 15 as the IV. */
  readonly token: { readonly time: number; readonly token: string };
  /** Where the key `ada` of the collection `users` lies: collection and key, joined by `::`. */
  readonly names: {
    readonly prefixKeys: string;
    readonly prefixCollections: string;
    readonly singleCollection: string;
  };
  readonly records: readonly GoldenRecord[];
}

interface GoldenRecord {
  readonly name: string;
  /** The value as Python's compact JSON. */
  readonly json: string;
  /** Encrypted with the first key. */
  readonly fernet: JsonValue;
  /** Encrypted with the second. */
  readonly old: JsonValue;
  readonly compressed: JsonValue;
  /** Compressed, then encrypted. */
  readonly both: JsonValue;
}

export const golden: Golden = JSON.parse(await readFile(new URL("wrappers.json", import.meta.url), "utf8"));
