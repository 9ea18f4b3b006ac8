/** In which MongoDB collection the records of a collection lie. */
import { createHash } from "node:crypto";

/**
 * How Python names MongoDB's collections: `"python"`, its default, as they are; `"python-v1"`, by its
 * `MongoDBV1CollectionSanitizationStrategy`. Each record says which collection it belongs to, so that several may lie in
 * one MongoDB collection: Python's second way confuses them, ours never.
 */
export type Names = "python" | "python-v1";

/** The namespace (database, dot, collection) of a sharded collection in bytes; of others it may be 20 longer. */
const NAMESPACE = 235;

/** What MongoDB refuses or keeps for itself, and what Python's driver refuses. */
const REFUSED = /[$\0]|^(?:system|enxcol_)\.|^\.|\.$|\.\./;

/** What {@link hashed} gives. */
const HASHED = /^H_[0-9a-f]{64}$/;

/** @param names see {@link Names} */
export function placeOf(collection: string, database: string, names: Names): string {
  if (names === "python-v1") return sanitized(collection);
  const length = Buffer.byteLength(database) + 1 + Buffer.byteLength(collection);
  if (length > NAMESPACE || REFUSED.test(collection) || HASHED.test(collection)) return hashed(collection);
  return collection;
}

/** Whether the records of several collections may lie in the MongoDB collection of this name, or of one named otherwise. */
export function isShared(place: string, names: Names): boolean {
  return names === "python-v1" ? /^[HS]_/.test(place) : HASHED.test(place);
}

function hashed(name: string): string {
  return `H_${sha256(name)}`;
}

/** Python's `HybridSanitizationStrategy` with letters, digits and `_`, at most 200 characters. */
function sanitized(name: string): string {
  // Python refuses those.
  if (/^[HS]_/.test(name)) return hashed(name);
  let text = name.replace(/\W+/gu, "_");
  if (text === "_" && name !== "_") text = "";
  if (text !== name) return `S_${text.slice(0, 189)}-${sha256(name).slice(0, 8)}`;
  return text.length > 200 ? `S_${text.slice(0, 198)}` : text;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
