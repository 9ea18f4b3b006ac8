/** A store whose collections all lie in one collection of the backend: for backends where collections cost something. */
import type { Call, Cursor, Driver, MaybePromise, Page } from "../driver/driver.ts";
import { chain } from "../driver/driver.ts";
import { defineLayer, forward, type Layer, names } from "../driver/layer.ts";
import { escapeName, namePrefix, splitName } from "../driver/names.ts";
import { checkName } from "../record.ts";
import { clearUnder, deleteListed, withoutClear } from "./reach.ts";

/** Where a walk through the stored keys is: in which of the key prefixes, and where in that one. */
interface Place {
  readonly scan: number;
  readonly within: Cursor | undefined;
}

interface Listing extends Place {
  /** Counts the pages. */
  readonly page: number;
  /** The page on which each name came, so that a page which is asked for again gives the same ones. */
  readonly seen: Map<string, number>;
}

/**
 * A record lies in the collection `name`, under the key `collection__key`, as Python's `SingleCollectionWrapper` has it
 * where that is unambiguous, else in an escaped form. Other keys in that collection are no records of this store.
 *
 * `collections` is made from the keys: it reads all of them (with a prefix, those that begin with it), and keeps the
 * names that have come. `clearAll` deletes key by key. On a store that cannot `enumerate`, `clear` is withdrawn at run
 * time.
 * @throws InvalidNameError
 */
export function singleCollection(name: string): Layer {
  checkName(name, "collection");
  return defineLayer("singleCollection", (inner) => {
    const inside = names(inner, {
      to: ({ collection, key }) => ({ collection: name, key: namePrefix(collection, "__") + key }),
      toScope: (scope) =>
        "collection" in scope
          ? { collection: name, keyPrefix: namePrefix(scope.collection, "__") + scope.keyPrefix }
          : { collection: name, keyPrefix: "" },
      fromCollection: (stored) => stored,
      fromKey: (stored) => splitName(stored, "__")?.rest ?? "",
    });
    const { list, clear, cull } = forward(inner, {});
    if (!list) return withoutClear(inside);
    return forward(inside, {
      collections: (prefix, cursor, call) => collectionsInKeys(list, name, prefix, cursor, call),
      clear:
        clear &&
        ((scope, cursor, call) => {
          if ("collection" in scope) {
            const keyPrefix = namePrefix(scope.collection, "__");
            if (scope.keyPrefix === "") return clearUnder(inner, { collection: name, keyPrefix }, cursor, call);
            return clear({ collection: name, keyPrefix: keyPrefix + scope.keyPrefix }, cursor, call);
          }
          return inEachScan(scope.collectionPrefix, cursor, (keyPrefix, within) =>
            deleteListed(
              inner,
              { collection: name, keyPrefix },
              within,
              call,
              (key) => collectionOf(key, scope.collectionPrefix) !== undefined,
            ),
          );
        }),
      cull:
        cull &&
        ((scope, cursor, call) => {
          if ("collection" in scope) {
            const keyPrefix = namePrefix(scope.collection, "__") + scope.keyPrefix;
            return cull({ collection: name, keyPrefix }, cursor, call);
          }
          return inEachScan(scope.collectionPrefix, cursor, (keyPrefix, within) =>
            cull({ collection: name, keyPrefix }, within, call),
          );
        }),
    });
  });
}

/** The collection that a stored key tells, where it is one of ours and begins with the prefix. */
function collectionOf(stored: string, prefix: string): string | undefined {
  const parts = splitName(stored, "__");
  return parts !== undefined && parts.rest !== "" && parts.first.startsWith(prefix) ? parts.first : undefined;
}

/** What the stored keys begin with of collections whose names begin with `prefix`: plain ones, and escaped ones. */
function scansOf(prefix: string): readonly string[] {
  if (prefix === "") return [""];
  const escaped = `__${escapeName(prefix, "__")}`;
  return prefix.includes("__") ? [escaped] : [prefix, escaped];
}

/** One step of doing all steps of `step` with each of the {@link scansOf} the prefix. */
function inEachScan(
  prefix: string,
  cursor: Cursor | undefined,
  step: (keyPrefix: string, within: Cursor | undefined) => MaybePromise<Cursor | undefined>,
): MaybePromise<Cursor | undefined> {
  const scans = scansOf(prefix);
  const { scan, within } = (cursor as Place | undefined) ?? { scan: 0, within: undefined };
  return chain(step(scans[scan] ?? "", within), (next) => nextPlace(scans, scan, next));
}

function nextPlace(scans: readonly string[], scan: number, within: Cursor | undefined): Place | undefined {
  if (within !== undefined) return { scan, within };
  return scan + 1 < scans.length ? { scan: scan + 1, within: undefined } : undefined;
}

function collectionsInKeys(
  list: NonNullable<Driver["list"]>,
  name: string,
  prefix: string,
  cursor: Cursor | undefined,
  call: Call,
): MaybePromise<Page<string>> {
  const scans = scansOf(prefix);
  const start: Listing = { scan: 0, within: undefined, page: 0, seen: new Map() };
  const { scan, within, page, seen } = (cursor as Listing | undefined) ?? start;
  const scope = { collection: name, keyPrefix: scans[scan] ?? "" };
  return chain(list(scope, { values: false, cursor: within }, call), ({ items: keys, next }) => {
    const found = new Set<string>();
    for (const { key } of keys) {
      const collection = collectionOf(key, prefix);
      if (collection === undefined || (seen.get(collection) ?? page) < page) continue;
      seen.set(collection, page);
      found.add(collection);
    }
    const place = nextPlace(scans, scan, next);
    return place ? { items: [...found], next: { ...place, page: page + 1, seen } } : { items: [...found] };
  });
}
