/**
 * The JSON text in which most servers keep a record: the one that Python's py-key-value-aio 0.4 writes, with fields of
 * ours that it ignores, and that vanish when it overwrites the record:
 *
 *     {"revision": "…", "collection": "users", "created_at": "2026-11-22T15:01:08.474000+00:00", "expires_at": "…",
 *      "key": "ada", "value": {"name": "Ada"}, "version": 1, "wrapped": true}
 *
 * `revision` comes first, so that a script on the server can compare it without parsing. Python stores objects only:
 * any other value is kept as `{"items": value}`, as Python's own adapters do, and marked by `wrapped`.
 */
import { createHash } from "node:crypto";
import { CorruptRecordError, InexactNumberError } from "../errors.ts";
import { type JsonValue, stringifyJson } from "../json.ts";
import type { Revision } from "../record.ts";
import type { RecordId, StoredRecord } from "./driver.ts";

/** How the numbers of other writers are read that JavaScript cannot hold: refused, or rounded (NaN becomes null). */
export type InexactNumbers = "error" | "nearest";

export interface Envelope {
  /** The name that the record itself states; Python's other stores leave it out. */
  readonly id: { readonly collection: string | undefined; readonly key: string | undefined };
  readonly record: StoredRecord;
  /** False on a record of another program: its revision is {@link foreignRevision}. */
  readonly ours: boolean;
}

const PLAIN_END = ', "version": 1}';
const WRAPPED_END = ', "version": 1, "wrapped": true}';

/** What {@link encodeEnvelope} writes before a value, where nothing in the names had to be escaped. */
const BEFORE_VALUE =
  /\{"revision": "([\w-]+)", "collection": "([ !#-[\]-\uffff]*)", (?:"created_at": "([\dT:.+-]+)", )?(?:"expires_at": "([\dT:.+-]+)", )?"key": "([ !#-[\]-\uffff]*)", "value": /y;

/**
 * The text of a record. Its beginning is {@link revisionPrefix}.
 * @throws InvalidValueError on a lone surrogate
 */
export function encodeEnvelope({ collection, key }: RecordId, record: StoredRecord): string {
  const { value, createdAt, expiresAt, revision } = record;
  const plain = typeof value === "object" && value !== null && !Array.isArray(value);
  const json = stringifyJson(value);
  return (
    `${revisionPrefix(revision)}"collection": ${JSON.stringify(collection)}, ` +
    (createdAt === undefined ? "" : `"created_at": "${formatTime(createdAt)}", `) +
    (expiresAt === undefined ? "" : `"expires_at": "${formatTime(expiresAt)}", `) +
    `"key": ${JSON.stringify(key)}, ` +
    (plain ? `"value": ${json}${PLAIN_END}` : `"value": {"items": ${json}}${WRAPPED_END}`)
  );
}

/** What the text of a record with this revision begins with, and no other's does. */
export function revisionPrefix(revision: Revision): string {
  return `{"revision": "${revision}", `;
}

/** The revision of a text that another program wrote: its SHA-1 in 40 hexadecimal digits, which no revision of ours has. */
export function foreignRevision(text: string): Revision {
  return createHash("sha1").update(text).digest("hex") as Revision;
}

/** Whether a revision came from {@link foreignRevision}. */
export function isForeign(revision: Revision): boolean {
  return revision.length === 40;
}

/**
 * The record in a text that ours or Python's library wrote.
 * @throws CorruptRecordError, InexactNumberError
 */
export function decodeEnvelope(text: string, numbers: InexactNumbers = "error"): Envelope {
  const parsed = parseOurs(text) ?? parse(text);
  const ours = isObject(parsed) && typeof parsed.revision === "string" && parsed.revision !== "";
  const fields = ours ? parsed : parseForeign(text, numbers, parsed);
  if (!isObject(fields)) throw new CorruptRecordError("the stored record is not a JSON object");
  const { revision, collection, key, created_at, expires_at, wrapped } = fields;
  for (const part of [collection, key, created_at, expires_at]) {
    if (part !== undefined && part !== null && typeof part !== "string") {
      throw new CorruptRecordError("a name or a time in the stored record is not a string");
    }
  }
  let value: JsonValue | undefined = fields.value;
  // Some of Python's stores keep the value as text inside the text.
  if (typeof value === "string" && !ours) value = parseForeign(value, numbers);
  if (!isObject(value)) throw new CorruptRecordError("the stored record holds no value");
  if (ours && wrapped === true) {
    if (value.items === undefined) throw new CorruptRecordError("the stored record holds no value");
    value = value.items;
  }
  return {
    ours,
    id: { collection: textOf(collection), key: textOf(key) },
    record: new EnvelopeRecord(
      value,
      textOf(created_at),
      textOf(expires_at),
      ours ? (revision as Revision) : undefined,
      text,
    ),
  };
}

/** The name that a text gives itself, also where the rest of it cannot be read. */
export function statedName(text: string): Envelope["id"] | undefined {
  try {
    return decodeEnvelope(text, "nearest").id;
  } catch {
    try {
      const { collection, key } = JSON.parse(text) ?? {};
      return typeof collection === "string" && typeof key === "string" ? { collection, key } : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Times are parsed and foreign revisions computed only where someone asks: most reads want the value alone. */
class EnvelopeRecord implements StoredRecord {
  readonly value: JsonValue;
  readonly #createdAt: string | undefined;
  readonly #expiresAt: string | undefined;
  readonly #text: string | undefined;
  #revision: Revision | undefined;

  constructor(
    value: JsonValue,
    createdAt: string | undefined,
    expiresAt: string | undefined,
    revision: Revision | undefined,
    text: string,
  ) {
    this.value = value;
    this.#createdAt = createdAt;
    this.#expiresAt = expiresAt;
    this.#revision = revision;
    this.#text = revision === undefined ? text : undefined;
  }

  get createdAt(): number | undefined {
    return parseTime(this.#createdAt);
  }

  get expiresAt(): number | undefined {
    return parseTime(this.#expiresAt);
  }

  get revision(): Revision {
    this.#revision ??= foreignRevision(this.#text ?? "");
    return this.#revision;
  }
}

/** Writes of one millisecond, of which there are many under load, share the text. */
let lastTime = { moment: Number.NaN, text: "" };

/** As Python's `isoformat()`: microseconds and a numeric offset, since its parser refuses a `Z` before 3.11. */
export function formatTime(moment: number): string {
  if (lastTime.moment !== moment) {
    lastTime = { moment, text: `${new Date(moment).toISOString().slice(0, -1)}000+00:00` };
  }
  return lastTime.text;
}

/**
 * Of what Python or {@link formatTime} wrote: milliseconds since the epoch, a fraction of one counted up, so that nothing
 * expires early.
 * @throws CorruptRecordError
 */
export function parseTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  const seconds = match ? Date.parse(`${match[1]?.replace(" ", "T")}${match[3]}`) : Number.NaN;
  if (Number.isNaN(seconds)) throw new CorruptRecordError("a time in the stored record cannot be read");
  return seconds + Math.ceil(Number((match?.[2] ?? "").padEnd(9, "0")) / 1e6);
}

/** `undefined` where it is not JSON. */
function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own error quotes the text.
    return undefined;
  }
}

/** What may be a number that JSON or JavaScript cannot hold. */
const SUSPECT = /NaN|Infinity|\d{16}|[eE]\+?\d{3}/;

/** A JSON string, else a number as Python writes them. */
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|(NaN|-?Infinity|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/gs;

/**
 * The JSON of another program, Python's NaN and Infinity included.
 * @param parsed what `JSON.parse` makes of the text, where it was called already; `undefined` where it refused
 * @throws CorruptRecordError, InexactNumberError
 */
export function parseForeign(text: string, numbers: InexactNumbers, parsed = parse(text)): JsonValue {
  let value = parsed;
  if (SUSPECT.test(text)) {
    let inexact = false;
    const standard = text.replace(STRING_OR_NUMBER, (token, number: string | undefined) => {
      if (number === undefined) return token;
      const nearest = Number(number);
      if (!Number.isFinite(nearest)) {
        inexact = true;
        return "null";
      }
      // A float is as near to what was written as any float can be.
      inexact ||= /^-?\d{16,}$/.test(number) && BigInt(number) !== BigInt(nearest);
      return token;
    });
    if (standard !== text) value = parse(standard);
    if (value !== undefined && inexact && numbers === "error") {
      throw new InexactNumberError("another program stored a number that JavaScript cannot hold exactly");
    }
  }
  if (value === undefined) throw new CorruptRecordError("the stored record is not JSON");
  return value;
}

type Fields = { readonly [name: string]: JsonValue | undefined };

/**
 * The fields of a text as {@link encodeEnvelope} writes it, faster than `JSON.parse`: what lies around the value is
 * twice as long as many a value. `undefined` where it has to be parsed as a whole.
 */
function parseOurs(text: string): Fields | undefined {
  BEFORE_VALUE.lastIndex = 0;
  const match = BEFORE_VALUE.exec(text);
  if (!match) return undefined;
  const wrapped = text.endsWith(WRAPPED_END);
  if (!wrapped && !text.endsWith(PLAIN_END)) return undefined;
  const value = parse(text.slice(BEFORE_VALUE.lastIndex, -(wrapped ? WRAPPED_END : PLAIN_END).length));
  if (value === undefined) return undefined;
  return {
    revision: match[1],
    collection: match[2],
    created_at: match[3],
    expires_at: match[4],
    key: match[5],
    value,
    wrapped,
  };
}

function isObject(value: JsonValue | Fields | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
