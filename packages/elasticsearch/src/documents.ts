/**
 * The document of a record: the one that Python's py-key-value-aio 0.4 writes, with fields of ours inside `value`, which
 * Python ignores and which vanish when it overwrites the record:
 *
 *     {"collection": "users", "created_at": "2026-11-22T15:01:08.474000+00:00", "expires_at": "…", "key": "ada",
 *      "value": {"flattened": {"name": "Ada"}, "revision": "…", "wrapped": true}, "version": 1}
 *
 * Python stores objects only: any other value is kept as `{"items": value}`, as Python's own adapters do, and marked by
 * `wrapped`. Where an index indexes `flattened`, as Python's do, and so refuses some objects, there is `json` in its
 * place: the text of the value. `value.key` and `value.collection` are the names where they are too long for a keyword.
 */
import { CorruptRecordError, type Revision } from "@kv/core";
import {
  decodeEnvelope,
  formatTime,
  type InexactNumbers,
  type JsonValue,
  parseTime,
  type RecordId,
  type StoredRecord,
  stringifyJson,
} from "@kv/core/driver";
import { at, textAt } from "./json.ts";
import { fieldOf } from "./names.ts";

/** The fields that tell whose record it is and whether it is live. */
export const NAMES_AND_EXPIRY = ["collection", "key", "expires_at", "value.collection", "value.key"] as const;

/** How indices of ours map them: as Python's do, but that values, of any shape and size, are only kept. */
export const MAPPING = {
  dynamic: false,
  properties: {
    collection: { type: "keyword" },
    created_at: { type: "date" },
    expires_at: { type: "date" },
    key: { type: "keyword" },
    value: { type: "object", enabled: false },
    version: { type: "integer" },
  },
} as const;

/** How the value lies in the document, see above. */
export type Layout = "flattened" | "json";

/**
 * The document of a record, as text in either layout. The value is read now.
 * @throws InvalidValueError on a lone surrogate
 */
export function encode({ collection, key }: RecordId, record: StoredRecord): (layout: Layout) => string {
  const { value, createdAt, expiresAt, revision } = record;
  const json = stringifyJson(value);
  const plain = typeof value === "object" && value !== null && !Array.isArray(value);
  const [collectionField, keyField] = [fieldOf(collection), fieldOf(key)];
  const before =
    `{"collection": ${JSON.stringify(collectionField)}, ` +
    (createdAt === undefined ? "" : `"created_at": "${formatTime(createdAt)}", `) +
    (expiresAt === undefined ? "" : `"expires_at": "${formatTime(expiresAt)}", `) +
    `"key": ${JSON.stringify(keyField)}, "value": {`;
  const after =
    (collectionField === collection ? "" : `"collection": ${JSON.stringify(collection)}, `) +
    (keyField === key ? "" : `"key": ${JSON.stringify(key)}, `) +
    `"revision": "${revision}"`;
  return (layout) => {
    if (layout === "json") return `${before}"json": ${JSON.stringify(json)}, ${after}}, "version": 1}`;
    return plain
      ? `${before}"flattened": ${json}, ${after}}, "version": 1}`
      : `${before}"flattened": {"items": ${json}}, ${after}, "wrapped": true}, "version": 1}`;
  };
}

/** The name that a document itself states; `undefined` where it is none of a record. */
export function statedName(source: unknown): RecordId | undefined {
  const collection = textAt(source, "value", "collection") ?? textAt(source, "collection");
  const key = textAt(source, "value", "key") ?? textAt(source, "key");
  return collection === undefined || key === undefined ? undefined : { collection, key };
}

/** @throws CorruptRecordError where it cannot be read */
export function expiryOf(source: unknown): number | undefined {
  return timeAt(source, "expires_at");
}

/**
 * The record in a document that lies where one of that name should.
 * @param text the document's own text, which is asked for where another program wrote it
 * @throws CorruptRecordError, InexactNumberError
 */
export function decode(id: RecordId, source: unknown, text: () => string, numbers: InexactNumbers): StoredRecord {
  const stated = statedName(source);
  if (stated?.collection !== id.collection || stated.key !== id.key) {
    throw new CorruptRecordError("the record that lies there is one of another name");
  }
  const revision = textAt(source, "value", "revision");
  if (revision === undefined) return decodeForeign(text(), numbers);
  const createdAt = timeAt(source, "created_at");
  return { value: valueIn(source), createdAt, expiresAt: expiryOf(source), revision: revision as Revision };
}

function valueIn(source: unknown): JsonValue {
  const json = textAt(source, "value", "json");
  const wrapped = at(source, "value", "wrapped") === true;
  const value = json === undefined ? at(source, "value", "flattened", ...(wrapped ? ["items"] : [])) : parse(json);
  if (value === undefined || (json === undefined && !wrapped && !isObject(value))) {
    throw new CorruptRecordError("the stored record holds no value");
  }
  // It is a part of what JSON.parse has made.
  return value as JsonValue;
}

function decodeForeign(text: string, numbers: InexactNumbers): StoredRecord {
  const { value, createdAt, expiresAt, revision } = decodeEnvelope(text, numbers).record;
  const object = at(value, "flattened");
  if (!isObject(object)) throw new CorruptRecordError("the stored record holds no value");
  return { value: object as JsonValue, createdAt, expiresAt, revision };
}

function timeAt(source: unknown, field: string): number | undefined {
  const time = at(source, field);
  if (time === undefined || time === null) return undefined;
  if (typeof time !== "string") throw new CorruptRecordError("a time in the stored record is not a string");
  return parseTime(time);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // The parser's own error quotes the text.
    return undefined;
  }
}

/** A JSON string, or what opens and closes objects. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}]/gs;

/**
 * The texts of all documents (`_source`) in an answer, in their order, as they were stored: parsing rounds numbers.
 */
export function sourcesOf(answer: string): string[] {
  const sources: string[] = [];
  let start: number | undefined;
  let depth = 0;
  let announced = false;
  for (const { 0: token, index } of answer.matchAll(TOKEN)) {
    if (token === "{") {
      if (announced) start = index;
      if (start !== undefined) depth++;
    } else if (token === "}" && start !== undefined) {
      depth--;
      if (depth === 0) {
        sources.push(answer.slice(start, index + 1));
        start = undefined;
      }
    }
    announced = start === undefined && token === '"_source"' && answer[index + token.length] === ":";
  }
  return sources;
}
