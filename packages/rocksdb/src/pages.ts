/** What is listed, page by page. Nothing is held between two pages, of which each begins after the last name of the one before. */
import { KeyValueError } from "@kv/core";
import {
  after,
  CollectionWalk,
  type Cursor,
  isInScope,
  isLive,
  type Page,
  type RecordId,
  rangeOf,
  type Scope,
} from "@kv/core/driver";
import type { Folder } from "./folder.ts";
import { recordRange, withoutLetter } from "./format.ts";
import { expiryOfText, idOf } from "./records.ts";

/** How much a page has before others have their turn: records, and characters of them. */
const RECORDS = 1000;
const CHARACTERS = 1_000_000;
/** Each collection takes a search of its own. */
const COLLECTIONS = 250;
/** How many records of unknown size are read at once. */
const AT_ONCE = 16;

/** The keys of the records in the scope's range, and maybe of others: see `rangeOf`. */
export async function keyPage(folder: Folder, scope: Scope, cursor: Cursor | undefined): Promise<Page<Buffer>> {
  const { start, end } = rangeOf(scope);
  const items = await folder.keys(recordRange(cursor instanceof Buffer ? cursor : start, end), RECORDS);
  const last = items.length === RECORDS ? items.at(-1) : undefined;
  return { items, next: last && after(withoutLetter(last)) };
}

/** The live records of the scope. */
export async function recordPage(
  folder: Folder,
  scope: Scope,
  cursor: Cursor | undefined,
): Promise<Page<{ readonly id: RecordId; readonly text: string }>> {
  const { items: keys, next } = await keyPage(folder, scope, cursor);
  const items: { readonly id: RecordId; readonly text: string }[] = [];
  const now = Date.now();
  let size = 0;
  for (let at = 0; at < keys.length; ) {
    const key = keys[at];
    if (size >= CHARACTERS && key) return { items, next: withoutLetter(key) };
    const mean = size / Math.max(1, at) || CHARACTERS;
    const part = keys.slice(at, at + Math.max(AT_ONCE, Math.floor((CHARACTERS - size) / mean)));
    for (const [index, text] of (await folder.readMany(part)).entries()) {
      if (text instanceof KeyValueError) throw text;
      const key = part[index];
      // Deleted meanwhile.
      if (!key || text === undefined) continue;
      size += text.length;
      if (!isLive({ expiresAt: expiryOfText(text) }, now)) continue;
      const id = idOf(withoutLetter(key), text);
      if (isInScope(id, scope)) items.push({ id, text });
    }
    at += part.length;
  }
  return { items, next };
}

/** Goes from one collection's first live record to the next collection. */
export async function collectionPage(
  folder: Folder,
  prefix: string,
  cursor: Cursor | undefined,
): Promise<Page<string>> {
  const walk = new CollectionWalk(prefix, cursor);
  for (let step = 0; step < COLLECTIONS; step++) {
    const [key] = await folder.keys(recordRange(walk.start, walk.end), 1);
    if (!key) return { items: walk.items };
    const name = withoutLetter(key);
    const text = await folder.read(key);
    const live = text !== undefined && isLive({ expiresAt: expiryOfText(text) });
    walk.pass(name, live ? idOf(name, text) : undefined);
  }
  return { items: walk.items, next: walk.start };
}
