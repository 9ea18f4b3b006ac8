/** How layers enumerate and clear what is theirs and nothing else, where one scope of the inner store holds both. */
import { liveOrNone } from "../atomics.ts";
import { chunksOf, deleteMany } from "../batch.ts";
import { stillWanted } from "../call.ts";
import type { Call, Cursor, Driver, MaybePromise, Page } from "../driver/driver.ts";
import { forward, settle } from "../driver/layer.ts";
import { CorruptRecordError, KeyValueError, UnsupportedOperationError } from "../errors.ts";

type KeyScope = { readonly collection: string; readonly keyPrefix: string };
/** One step of several: the bookmark of the next one. */
type Step = (collection: string, within: Cursor | undefined) => MaybePromise<Cursor | undefined>;

/** Where a walk through collections is: what a step left open, then those still to come, then the next page of names. */
interface Place {
  readonly names: readonly string[];
  readonly at: number;
  readonly within: Cursor | undefined;
  readonly next: Cursor | undefined;
}

/** One step of doing all steps of `step` in each of the inner store's collections whose names start with `prefix`. */
export async function inEachCollection(
  inner: Driver,
  prefix: string,
  cursor: Cursor | undefined,
  call: Call,
  step: Step,
): Promise<Cursor | undefined> {
  const place = cursor as Place | undefined;
  const name = place?.names[place.at];
  if (place === undefined || name === undefined) {
    const { items, next } = await having(inner, "collections")(prefix, place?.next, call);
    return placeAt({ names: items, at: 0, within: undefined, next });
  }
  const within = await step(name, place.within);
  return placeAt({ ...place, at: within === undefined ? place.at + 1 : place.at, within });
}

function placeAt(place: Place): Place | undefined {
  return place.at < place.names.length || place.next !== undefined ? place : undefined;
}

/** The cursor of a sweep that deletes key by key. */
class KeyByKey {
  readonly within: Cursor | undefined;

  constructor(within: Cursor | undefined) {
    this.within = within;
  }
}

/**
 * One step of clearing what lies under a prefix of keys. A record whose key is the prefix alone is none of a name
 * layer's own: where there is one, the others are deleted around it.
 */
export async function clearUnder(
  inner: Driver,
  scope: KeyScope,
  cursor: Cursor | undefined,
  call: Call,
): Promise<Cursor | undefined> {
  const { collection, keyPrefix } = scope;
  if (cursor instanceof KeyByKey || (cursor === undefined && (await exists(inner, collection, keyPrefix, call)))) {
    const within = cursor instanceof KeyByKey ? cursor.within : undefined;
    const next = await deleteListed(inner, scope, within, call, (key) => key !== keyPrefix);
    return next === undefined ? undefined : new KeyByKey(next);
  }
  stillWanted(call);
  return having(inner, "clear")(scope, cursor, call);
}

async function exists(inner: Driver, collection: string, key: string, call: Call): Promise<boolean> {
  const record = await settle(() => inner.get({ collection, key }, call));
  if (record instanceof KeyValueError && !(record instanceof CorruptRecordError)) throw record;
  return record instanceof KeyValueError || liveOrNone(inner, record) !== undefined;
}

/** One step of deleting the records whose keys are listed in the scope, and which `isOurs` accepts. */
export async function deleteListed(
  inner: Driver,
  scope: KeyScope,
  cursor: Cursor | undefined,
  call: Call,
  isOurs: (key: string) => boolean,
): Promise<Cursor | undefined> {
  const { items, next } = await having(inner, "list")(scope, { values: false, cursor }, call);
  const ids = items.filter(({ key }) => isOurs(key)).map(({ key }) => ({ collection: scope.collection, key }));
  for (const chunk of chunksOf(inner, "delete", ids)) {
    stillWanted(call);
    for (const answer of await deleteMany(inner, chunk, call)) if (answer instanceof KeyValueError) throw answer;
  }
  return next;
}

/** How many collections are looked into at a time: fewer listeners on one signal than Node.js takes for a leak. */
const AT_ONCE = 8;

/** A collection of which is not known yet whether it holds a record. */
interface Undecided {
  readonly name: string;
  readonly within: Cursor | undefined;
}

interface Search {
  readonly open: readonly Undecided[];
  readonly next: Cursor | undefined;
}

/** One page of those of the inner store's collections in which `list`, a view of the inner store, lists a key. */
export async function collectionsWithKeys(
  inner: Driver,
  list: NonNullable<Driver["list"]>,
  prefix: string,
  cursor: Cursor | undefined,
  call: Call,
): Promise<Page<string>> {
  const search = cursor as Search | undefined;
  if (search === undefined || search.open.length === 0) {
    const { items, next } = await having(inner, "collections")(prefix, search?.next, call);
    return pageOf([], { open: items.map((name) => ({ name, within: undefined })), next });
  }
  const looked = await Promise.all(
    search.open.slice(0, AT_ONCE).map(async ({ name, within }) => {
      const scope = { collection: name, keyPrefix: "" };
      const { items, next } = await list(scope, { values: false, cursor: within }, call);
      return { name, found: items.length > 0, within: next };
    }),
  );
  const undecided = looked.filter(({ found, within }) => !found && within !== undefined);
  const found = looked.flatMap((one) => (one.found ? [one.name] : []));
  return pageOf(found, { open: [...undecided, ...search.open.slice(AT_ONCE)], next: search.next });
}

function pageOf(items: readonly string[], search: Search): Page<string> {
  return search.open.length > 0 || search.next !== undefined ? { items, next: search } : { items };
}

/** The driver, which no longer claims to clear: for a layer that could not tell what it may delete. */
export function withoutClear(driver: Driver): Driver {
  return forward(driver, {
    capabilities: Object.freeze({ ...driver.capabilities, clear: false }),
    clear: undefined,
    cull: undefined,
  });
}

function having<M extends "list" | "collections" | "clear">(driver: Driver, method: M): NonNullable<Driver[M]> {
  const found = forward(driver, {})[method];
  if (found === undefined) throw new UnsupportedOperationError(`${driver.name} has no ${method}`);
  return found;
}
