/** What is listed, page by page. Nothing is held between two pages, of which each begins after the last name of the one before. */
import {
  bytesOf,
  CollectionWalk,
  type Cursor,
  goesWith,
  isInScope,
  isLive,
  type Page,
  type RecordId,
  rangeOf,
  type Scope,
} from "@kv/core/driver";
import { asDiskError } from "./errors.ts";
import { decodeHeader, idOf } from "./format.ts";
import type { Records } from "./reader.ts";

/** How much one page does before others have their turn: records, and bytes of them. */
const STEP = 1000;
const STEP_BYTES = 1_000_000;

/** Visits the live records of the scope; answers with where the next page begins. */
export function visitPage(
  records: Records,
  scope: Scope,
  cursor: Cursor | undefined,
  visit: (id: RecordId, bytes: Buffer) => void,
): Cursor | undefined {
  const now = Date.now();
  return scan(records, scope, cursor, (name, bytes) => {
    if (!isLive(decodeHeader(bytes), now)) return;
    const id = idOf(name, bytes);
    if (isInScope(id, scope)) visit(id, bytes);
  });
}

/** The names of the scope's records, live or not. */
export function namePage(records: Records, scope: Scope, cursor: Cursor | undefined): Page<Buffer> {
  const items: Buffer[] = [];
  const next = scan(records, scope, cursor, (name, bytes) => {
    if (goesWith(scope, () => idOf(name, bytes))) items.push(name);
  });
  return { items, next };
}

/** Goes from one collection's first live record to the next collection. */
export function collectionPage(records: Records, prefix: string, cursor: Cursor | undefined): Page<string> {
  const walk = new CollectionWalk(prefix, cursor);
  const now = Date.now();
  records.resetReadTxn();
  for (let step = 0; step < STEP; step++) {
    const [found] = records.getRange({ start: walk.start, end: walk.end, limit: 1 });
    if (!found) return { items: walk.items };
    const name = bytesOf(found.key);
    walk.pass(name, isLive(decodeHeader(found.value), now) ? idOf(name, found.value) : undefined);
  }
  return { items: walk.items, next: walk.start };
}

/** Visits the records in the scope's range, and maybe others; answers with the name at which the next page begins. */
function scan(
  records: Records,
  scope: Scope,
  cursor: Cursor | undefined,
  visit: (name: Buffer, bytes: Buffer) => void,
): Buffer | undefined {
  const { start, end } = rangeOf(scope);
  let size = 0;
  let count = 0;
  try {
    records.resetReadTxn();
    for (const { key, value } of records.getRange({ start: cursor instanceof Buffer ? cursor : start, end })) {
      const name = bytesOf(key);
      if (count === STEP || size > STEP_BYTES) return name;
      visit(name, value);
      count++;
      size += value.length;
    }
    return undefined;
  } catch (error) {
    throw asDiskError(error);
  }
}
