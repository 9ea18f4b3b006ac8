/** Faults in expiring. */
import { call } from "../../src/conformance/support.ts";
import type { MaybePromise, RecordId, StoredRecord } from "../../src/driver/index.ts";
import { forward } from "../../src/driver/index.ts";
import { type Data, MapDriver } from "../support/map-driver.ts";
import { driver, type Mutant, made, recording, replacing, store } from "./mutant.ts";

const EXACT = ["ttl/exact-to-the-millisecond"];

/** A driver that stores another moment of expiry than it is told. */
const expiring = (change: (expiresAt: number, now: number) => number | undefined) =>
  recording((record) => ({
    ...record,
    expiresAt: record.expiresAt === undefined ? undefined : change(record.expiresAt, Date.now()),
  }));

/** A driver that says that it hides what has expired by itself, and does that in its own way. */
const hiding = (lives: (expiresAt: number, now: number) => boolean) => (data: Data) => {
  class Hiding extends MapDriver {
    override lives({ expiresAt }: StoredRecord): boolean {
      return expiresAt === undefined || lives(expiresAt, Date.now());
    }
  }
  const inner = new Hiding(data);
  return forward(inner, { capabilities: Object.freeze({ ...inner.capabilities, nativeExpiry: true }) });
};

/** A driver that tells an expired record from none in one of its methods. */
const forgetting = (method: "delete" | "swap" | "list" | "collections") =>
  class extends MapDriver {
    #forgets = false;
    override lives(record: StoredRecord): boolean {
      return this.#forgets || super.lives(record);
    }
    override delete(...all: Parameters<MapDriver["delete"]>): MaybePromise<boolean> {
      return this.#in("delete", () => super.delete(...all));
    }
    override swap(...all: Parameters<MapDriver["swap"]>) {
      return this.#in("swap", () => super.swap(...all));
    }
    override list(...all: Parameters<MapDriver["list"]>) {
      return this.#in("list", () => super.list(...all));
    }
    override collections(...all: Parameters<MapDriver["collections"]>) {
      return this.#in("collections", () => super.collections(...all));
    }
    #in<T>(name: string, run: () => T): T {
      this.#forgets = name === method;
      try {
        return run();
      } finally {
        this.#forgets = false;
      }
    }
  };

export const ttl: readonly Mutant[] = [
  driver(
    "a TTL is cut to whole seconds",
    EXACT,
    expiring((at, now) => now + Math.floor((at - now) / 1000) * 1000),
  ),
  driver(
    "a TTL is rounded up to whole seconds",
    EXACT,
    expiring((at, now) => now + Math.ceil((at - now) / 1000) * 1000),
  ),
  driver(
    "the moment of expiry is cut to whole seconds",
    EXACT,
    expiring((at) => Math.floor(at / 1000) * 1000),
  ),
  driver(
    "the moment of expiry is rounded up to whole seconds",
    ["ttl/exact-at-the-second"],
    expiring((at) => Math.ceil(at / 1000) * 1000),
  ),
  driver(
    "a TTL is at least a second",
    EXACT,
    expiring((at, now) => Math.max(at, now + 1000)),
  ),
  driver(
    "a TTL is more than a second too long",
    EXACT,
    expiring((at) => at + 1200),
  ),
  driver(
    "a record expires 50 ms early",
    EXACT,
    expiring((at) => at - 50),
  ),
  driver(
    "a record expires 50 ms late",
    EXACT,
    expiring((at) => at + 50),
  ),
  driver(
    "a TTL is ignored",
    EXACT,
    expiring(() => undefined),
  ),
  driver(
    "a TTL over 30 days is taken for a date of 1970",
    ["ttl/entry-tells-it"],
    expiring((at, now) => (at - now > 30 * 86_400_000 ? 1 : at)),
  ),
  driver(
    "a TTL over 24 days overflows",
    ["ttl/entry-tells-it"],
    expiring((at, now) => now + ((at - now) | 0)),
  ),
  made(
    "a backend that expires by itself does it 50 ms late",
    EXACT,
    hiding((at, now) => at + 50 > now),
  ),
  made(
    "a backend that expires by itself does it by the second",
    EXACT,
    hiding((at, now) => Math.ceil(at / 1000) * 1000 > now),
  ),
  made(
    "a backend says that it expires by itself, and never does",
    ["ttl/reads-agree", "ttl/absent-to-get-entry", "ttl/absent-to-touch", "ttl/absent-to-update"],
    hiding(() => true),
  ),
  driver(
    "overwriting keeps the old TTL",
    ["ttl/overwriting-removes-it"],
    recording((record, before) => ({ ...record, expiresAt: record.expiresAt ?? before?.expiresAt })),
  ),
  driver(
    "overwriting keeps an earlier expiry than the new one",
    ["ttl/overwriting-removes-it"],
    recording((record, before) => ({
      ...record,
      expiresAt:
        record.expiresAt === undefined ? undefined : Math.min(record.expiresAt, before?.expiresAt ?? record.expiresAt),
    })),
  ),
  driver(
    "putMany drops the TTL",
    ["ttl/in-batches"],
    class extends MapDriver {
      putMany(requests: readonly { readonly id: RecordId; readonly record: StoredRecord }[]): undefined[] {
        for (const { id, record } of requests) this.store(id, { ...record, expiresAt: undefined });
        return requests.map(() => undefined);
      }
    },
  ),
  driver(
    "putMany gives all the TTL of the first",
    ["ttl/in-batches"],
    class extends MapDriver {
      putMany(requests: readonly { readonly id: RecordId; readonly record: StoredRecord }[]): undefined[] {
        const expiresAt = requests[0]?.record.expiresAt;
        for (const { id, record } of requests) this.store(id, { ...record, expiresAt });
        return requests.map(() => undefined);
      }
    },
  ),
  driver(
    "atomic writes drop the TTL",
    ["ttl/of-atomic-writes"],
    class extends MapDriver {
      override swap(...[id, expected, next, call]: Parameters<MapDriver["swap"]>) {
        return super.swap(id, expected, next && { ...next, expiresAt: undefined }, call);
      }
    },
  ),
  driver(
    "an increment drops the TTL",
    ["ttl/increment-keeps-it"],
    class extends MapDriver {
      override swap(...[id, expected, next, call]: Parameters<MapDriver["swap"]>) {
        const counts = typeof next?.value === "number" && expected !== "absent";
        return super.swap(id, expected, counts ? { ...next, expiresAt: undefined } : next, call);
      }
    },
  ),
  driver(
    "an expired record is deleted as if it were there",
    ["ttl/absent-to-delete", "ttl/absent-to-delete-many"],
    forgetting("delete"),
  ),
  driver("an expired record blocks putIfAbsent", ["ttl/absent-to-put-if-absent"], forgetting("swap")),
  driver("an expired record is still swapped by its revision", ["ttl/absent-to-compare-and-swap"], forgetting("swap")),
  driver("expired records are listed", ["ttl/absent-to-keys"], forgetting("list")),
  driver("a collection of expired records is listed", ["ttl/absent-to-collections"], forgetting("collections")),
  store("has is true for what has expired", ["ttl/absent-to-has"], (given) => {
    const seen = new Set<unknown>();
    return replacing({
      put:
        (original) =>
        (key, ...rest) => {
          seen.add(key);
          return original(key, ...rest);
        },
      has:
        (original) =>
        async (key, ...rest) =>
          (await original(key, ...rest)) || seen.has(key),
    })(given);
  }),
  store("an expired number is counted on", ["ttl/absent-to-increment"], (given) => {
    const last = new Map<unknown, number>();
    return replacing({
      put:
        (original) =>
        (key, value, ...rest) => {
          if (typeof value === "number") last.set(key, value);
          return original(key, value, ...rest);
        },
      increment:
        (original) =>
        async (key, by, ...rest) =>
          Number(await original(key, by, ...rest)) + (last.get(key) ?? 0),
    })(given);
  }),
  store(
    "touch drops the value",
    ["ttl/touch-sets-it"],
    replacing({
      touch: (_, records) => async (key, lasts) => {
        let found = false;
        const change = (before: unknown) => {
          found = before !== undefined;
          return found ? {} : undefined;
        };
        await call(records, "update", key, change, lasts === null ? {} : { ttl: lasts });
        return found;
      },
    }),
  ),
  store(
    "touch never shortens",
    ["ttl/touch-sets-it"],
    replacing({ touch: (original) => (key, lasts) => original(key, lasts === null ? null : "10m") }),
  ),
  store(
    "touch cannot make a record last for ever",
    ["ttl/touch-sets-it"],
    replacing({ touch: (original) => async (key, lasts) => lasts === null || original(key, lasts) }),
  ),
  store(
    "update always keeps the TTL",
    ["ttl/update-keeps-it-when-told"],
    replacing({ update: (original) => (key, change) => original(key, change, { keepTtl: true }) }),
  ),
  store(
    "a TTL of 0 is taken for none",
    ["ttl/invalid-is-refused"],
    replacing({
      put: (original) => (key, value, options) =>
        original(key, value, (options as { ttl?: unknown } | undefined)?.ttl === 0 ? {} : options),
    }),
  ),
  driver(
    "cull removes what lives",
    ["ttl/cull-removes-only-what-expired", "enumeration/cull-keeps-what-lives"],
    class extends MapDriver {
      override cull(...[scope]: Parameters<MapDriver["cull"]>): undefined {
        this.sweep(scope, ({ expiresAt }) => expiresAt !== undefined);
      }
    },
  ),
  driver(
    "a batch gives what has expired",
    ["ttl/absent-to-get-many", "ttl/absent-to-get-entries"],
    class extends MapDriver {
      getMany(ids: readonly RecordId[]): (StoredRecord | undefined)[] {
        return ids.map((id) => {
          const record = this.find(id);
          return record && { ...record, expiresAt: undefined };
        });
      }
    },
  ),
  store(
    "expiresAt is ignored",
    ["ttl/expires-at"],
    replacing({
      put: (original) => (key, value, options) =>
        original(key, value, { ...(options as object | undefined), expiresAt: undefined }),
    }),
  ),
  store(
    "putIfAbsent takes any TTL for none",
    ["ttl/invalid-is-refused-by-atomics", "ttl/of-atomic-writes"],
    replacing({ putIfAbsent: (original) => (key, value) => original(key, value) }),
  ),
];
