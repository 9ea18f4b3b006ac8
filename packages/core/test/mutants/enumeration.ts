/** Faults in listing and clearing. */
import { forward, type Page, type Scope, type StoredRecord } from "../../src/driver/index.ts";
import { type Data, MapDriver } from "../support/map-driver.ts";
import { driver, type Mutant, made, replacing, store } from "./mutant.ts";

type List = Parameters<MapDriver["list"]>;
interface Item {
  readonly key: string;
  readonly record: StoredRecord;
}

const COMPLETE = ["enumeration/complete"];

/** A driver that lists in a way of its own. `all`: the live records of the scope, in the order of their making. */
function listing(page: (all: readonly Item[], cursor: unknown, prefix: string) => Page<Item>) {
  return class extends MapDriver {
    override list(...[{ collection, keyPrefix }, { cursor }]: List): Page<Item> {
      const all = [...(this.data.get(collection) ?? [])].flatMap(([key, record]) =>
        this.lives(record) ? [{ key, record }] : [],
      );
      return page(all, cursor, keyPrefix);
    }
  };
}

/** Pages by counting: the place of the next one is a number of records. */
const byOffset = (all: readonly Item[], cursor: unknown): Page<Item> => {
  const start = Number(cursor ?? 0);
  return { items: all.slice(start, start + 100), next: start + 100 < all.length ? start + 100 : undefined };
};
const under = (all: readonly Item[], prefix: string): Item[] => all.filter(({ key }) => key.startsWith(prefix));
const glob = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+^${}()|\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
    "s",
  );

/** A driver in which a scope covers other collections than it should. */
function covering(covers: (name: string, wanted: string) => boolean) {
  return class extends MapDriver {
    override clear(...[scope]: Parameters<MapDriver["clear"]>): undefined {
      const wanted = "collection" in scope ? scope.collection : scope.collectionPrefix;
      for (const [name, records] of this.data) {
        const own = "collection" in scope ? name === wanted : name.startsWith(wanted);
        if (own || covers(name, wanted)) records.clear();
      }
    }
  };
}

export const enumeration: readonly Mutant[] = [
  driver(
    "clearing keys that begin alike clears their whole collection",
    ["enumeration/key-prefixes-are-apart"],
    class extends MapDriver {
      override sweep(scope: Scope, ends: (record: StoredRecord) => boolean): void {
        super.sweep("collection" in scope ? { ...scope, keyPrefix: "" } : scope, ends);
      }
    },
  ),
  driver(
    "an enumeration ends after 100 records",
    COMPLETE,
    listing((all, _, prefix) => ({ items: under(all, prefix).slice(0, 100) })),
  ),
  driver(
    "an enumeration ends after 1,000 records",
    COMPLETE,
    listing((all, _, prefix) => ({ items: under(all, prefix).slice(0, 1000) })),
  ),
  driver(
    "an enumeration repeats a key",
    COMPLETE,
    listing((all, _, prefix) => ({ items: [...under(all, prefix), ...under(all, prefix).slice(-1)] })),
  ),
  driver(
    "an enumeration leaves out the last record of each page",
    COMPLETE,
    listing((all, cursor, prefix) => {
      const page = byOffset(under(all, prefix), cursor);
      return page.next === undefined ? page : { ...page, items: page.items.slice(0, -1) };
    }),
  ),
  driver(
    "pages are counted, so that a deletion makes one skip",
    ["enumeration/deleting-what-comes", "enumeration/while-much-goes"],
    listing((all, cursor, prefix) => byOffset(under(all, prefix), cursor)),
  ),
  driver(
    "pages are counted from the newest, so that a new record makes one come twice",
    ["enumeration/while-others-write"],
    listing((all, cursor, prefix) => byOffset(under(all, prefix).reverse(), cursor)),
  ),
  driver(
    "pages are in the order of the last write, so that an overwritten record comes again",
    ["enumeration/while-others-write"],
    class extends MapDriver {
      #writes = 0;
      readonly #order = new WeakMap<StoredRecord, number>();
      override store(...[id, record]: Parameters<MapDriver["store"]>): void {
        this.#order.set(record, ++this.#writes);
        super.store(id, record);
      }
      override list(...[{ collection, keyPrefix }, { cursor }]: List): Page<Item> {
        const after = typeof cursor === "number" ? cursor : 0;
        const order = (record: StoredRecord): number => this.#order.get(record) ?? 0;
        const items = [...(this.data.get(collection) ?? [])]
          .map(([key, record]) => ({ key, record }))
          .filter(({ key, record }) => key.startsWith(keyPrefix) && order(record) > after)
          .sort((a, b) => order(a.record) - order(b.record))
          .slice(0, 100);
        const last = items.at(-1);
        return { items, next: items.length === 100 && last ? order(last.record) : undefined };
      }
    },
  ),
  driver(
    "a prefix is ignored",
    ["enumeration/prefix"],
    listing((all, cursor) => byOffset(all, cursor)),
  ),
  driver(
    "a prefix is taken for a pattern",
    ["enumeration/prefix"],
    listing((all, cursor, prefix) =>
      byOffset(
        all.filter(({ key }) => glob(`${prefix}*`).test(key)),
        cursor,
      ),
    ),
  ),
  driver(
    "a prefix is found anywhere in a key",
    ["enumeration/prefix"],
    listing((all, cursor, prefix) =>
      byOffset(
        all.filter(({ key }) => key.includes(prefix)),
        cursor,
      ),
    ),
  ),
  driver(
    "a prefix is compared without case",
    ["enumeration/prefix"],
    listing((all, cursor, prefix) =>
      byOffset(
        all.filter(({ key }) => key.toLowerCase().startsWith(prefix.toLowerCase())),
        cursor,
      ),
    ),
  ),
  driver(
    "the key that equals the prefix is left out",
    ["enumeration/prefix"],
    listing((all, cursor, prefix) =>
      byOffset(
        under(all, prefix).filter(({ key }) => key !== prefix),
        cursor,
      ),
    ),
  ),
  driver(
    "an enumeration shows collections whose names begin alike",
    ["enumeration/neighbours-are-apart"],
    class extends MapDriver {
      override list(...[{ collection, keyPrefix }]: List): Page<Item> {
        const all = [...this.data].flatMap(([name, records]) => (name.startsWith(collection) ? [...records] : []));
        return { items: all.flatMap(([key, record]) => (key.startsWith(keyPrefix) ? [{ key, record }] : [])) };
      }
    },
  ),
  driver(
    "entries have the revisions of the list, not of the records",
    ["enumeration/entries-are-entries"],
    class extends MapDriver {
      override list(...all: List): Page<{ key: string; record?: StoredRecord }> {
        const page = super.list(...all);
        if (page instanceof Promise) throw new TypeError("the list came later");
        return {
          ...page,
          items: page.items.map(({ key, record }) =>
            record && !(record instanceof Error)
              ? { key, record: { ...record, expiresAt: undefined, createdAt: undefined } }
              : { key },
          ),
        };
      }
    },
  ),
  driver(
    "a collection is listed once it has had a record",
    ["enumeration/collections"],
    class extends MapDriver {
      override collections(...[prefix]: Parameters<MapDriver["collections"]>): Page<string> {
        return { items: [...this.data.keys()].filter((name) => name.startsWith(prefix)) };
      }
    },
  ),
  driver(
    "a collection is listed for each of its records",
    ["enumeration/collections"],
    class extends MapDriver {
      override collections(...[prefix]: Parameters<MapDriver["collections"]>): Page<string> {
        const names = [...this.data].flatMap(([name, records]) => [...records.keys()].map(() => name));
        return { items: names.filter((name) => name.startsWith(prefix)) };
      }
    },
  ),
  driver(
    "the prefix of collections is ignored",
    ["enumeration/collections", "enumeration/prefixed-collections"],
    class extends MapDriver {
      override collections(...[, cursor, call]: Parameters<MapDriver["collections"]>) {
        return super.collections("", cursor, call);
      }
    },
  ),
  driver(
    "100 collections are listed at most",
    ["enumeration/many-collections"],
    class extends MapDriver {
      override collections(...all: Parameters<MapDriver["collections"]>): Page<string> {
        const page = super.collections(...all);
        if (page instanceof Promise) throw new TypeError("the list came later");
        return { items: page.items.slice(0, 100) };
      }
    },
  ),
  driver(
    "clear clears all collections",
    ["enumeration/clear"],
    covering(() => true),
  ),
  driver(
    "clear also clears collections whose names begin alike",
    ["enumeration/clear"],
    covering((name, wanted) => name.startsWith(wanted)),
  ),
  driver(
    "clear takes the collection for a pattern",
    ["enumeration/clear-takes-names-literally"],
    covering((name, wanted) => glob(wanted).test(name)),
  ),
  driver(
    "clear does not tell collections apart by case",
    ["enumeration/clear-takes-names-literally"],
    covering((name, wanted) => name.toLowerCase() === wanted.toLowerCase()),
  ),
  driver(
    "clear leaves what is beyond the first 100",
    ["enumeration/clear"],
    class extends MapDriver {
      override clear(...[scope]: Parameters<MapDriver["clear"]>): undefined {
        let left = 100;
        this.sweep(scope, () => left-- > 0);
      }
    },
  ),
  made("clearAll clears nothing", ["enumeration/clear-all-reaches-its-prefix"], (data: Data) => {
    const inner = new MapDriver(data);
    return forward(inner, {
      clear: (scope, cursor, call) => ("collection" in scope ? inner.clear(scope, cursor, call) : undefined),
    });
  }),
  made("clearAll reaches beyond its prefix", ["enumeration/clear-all-reaches-its-prefix"], (data: Data) => {
    const inner = new MapDriver(data);
    return forward(inner, {
      clear: (scope, cursor, call) =>
        inner.clear(
          "collection" in scope ? scope : { collectionPrefix: scope.collectionPrefix.slice(0, 4) },
          cursor,
          call,
        ),
    });
  }),
  store(
    "an enumeration reads all before it gives the first",
    ["enumeration/lazy"],
    replacing({
      keys: (original) =>
        async function* (...given) {
          const all: unknown[] = [];
          for await (const key of original(...given) as AsyncIterable<unknown>) all.push(key);
          yield* all;
        },
    }),
  ),
  store("loops share one place", ["enumeration/early-end"], (given) => {
    const pages = new Map<object, unknown>();
    return replacing({
      keys:
        (original, records) =>
        (...all) => {
          const known = pages.get(records) ?? original(...all);
          pages.set(records, known);
          return known;
        },
    })(given);
  }),
  driver(
    "to list a collection that never was is an error",
    ["enumeration/empty"],
    class extends MapDriver {
      override list(...all: List) {
        if (!this.data.has(all[0].collection)) throw new Error("no such collection");
        return super.list(...all);
      }
    },
  ),
];
