/**
 * A wrapper is a layer: driver in, driver out. Three shapes, one helper each, which forwards all that the wrapper does
 * not change: {@link values} (encryption, compression), {@link names} (prefixes), {@link around} (retry, logging).
 */
import { liveOrNone } from "../atomics.ts";
import { stillWanted } from "../call.ts";
import type { Capabilities, Capability } from "../capabilities.ts";
import { asKeyValueError, InvalidArgumentError, KeyValueError } from "../errors.ts";
import type { JsonValue } from "../json.ts";
import {
  type Call,
  chain,
  type Driver,
  isPromise,
  type MaybePromise,
  type Operation,
  type RecordId,
  type Scope,
  type Settled,
  type StoredRecord,
  type WriteRequest,
} from "./driver.ts";

/** What `store.with` takes. */
export interface Layer<Needs extends Capability = never, Withdraws extends Capability = never> {
  /** As the wrapper's function: `"encryption"`. */
  readonly name: string;
  /** What the inner store must be able to do. */
  readonly needs: readonly Needs[];
  /** What the wrapped store can no longer do. */
  readonly withdraws: readonly Withdraws[];
  /** Names of layers that may not lie inside of it, at any depth, and why, as the end of a sentence. */
  readonly notOutside?: { readonly [name: string]: string };
  /** @param layers those inside, innermost first; @throws InvalidArgumentError where one of them may not lie there */
  apply(inner: Driver, layers?: readonly AnyLayer[]): Driver;
}

export type AnyLayer = Pick<Layer, "name" | "notOutside">;

/** A layer from its function; sees to it that the order is right and that the driver states what is withdrawn. */
export function defineLayer<N extends Capability = never, W extends Capability = never>(
  name: string,
  apply: (inner: Driver) => Driver,
  {
    needs = [],
    withdraws = [],
    notOutside = {},
  }: Partial<Pick<Layer<N, W>, "needs" | "withdraws" | "notOutside">> = {},
): Layer<N, W> {
  return {
    name,
    needs,
    withdraws,
    notOutside,
    apply(inner, layers = []) {
      checkOrder(layers, this);
      const outer = apply(inner);
      if (withdraws.length === 0) return outer;
      const capabilities: { -readonly [K in keyof Capabilities]: Capabilities[K] } = { ...outer.capabilities };
      for (const one of withdraws) capabilities[one] = false;
      return forward(outer, { capabilities: Object.freeze(capabilities) });
    },
  };
}

/**
 * Whether `outer` may be put on a store with these layers.
 * @throws InvalidArgumentError with the right order
 */
function checkOrder(layers: readonly AnyLayer[], outer: AnyLayer): void {
  const { name, notOutside = {} } = outer;
  for (const inner of layers) {
    if (inner === outer) throw new InvalidArgumentError(`this very ${name} is on the store already`);
    if (!Object.hasOwn(notOutside, inner.name)) continue;
    throw new InvalidArgumentError(
      `${name} must not lie outside ${inner.name}, ${notOutside[inner.name]}: put ${name} on first, then ${inner.name}`,
    );
  }
}

type Members = { -readonly [K in keyof Driver]?: Driver[K] | undefined };

/** `inner` with some members replaced; one that is `undefined` is taken away. */
export function forward(inner: Driver, changes: Members): Driver {
  const members: Members = {
    name: inner.name,
    capabilities: inner.capabilities,
    keepsReferences: inner.keepsReferences,
    get: inner.get.bind(inner),
    put: inner.put.bind(inner),
    delete: inner.delete.bind(inner),
    ping: inner.ping?.bind(inner),
    getMany: inner.getMany?.bind(inner),
    putMany: inner.putMany?.bind(inner),
    deleteMany: inner.deleteMany?.bind(inner),
    swap: inner.swap?.bind(inner),
    take: inner.take?.bind(inner),
    list: inner.list?.bind(inner),
    collections: inner.collections?.bind(inner),
    clear: inner.clear?.bind(inner),
    cull: inner.cull?.bind(inner),
    ...changes,
  };
  // Absent and undefined are the same to who asks `driver.swap?.`, but not to the type.
  return members as Driver;
}

/** What an exchange is about. */
export interface Subject {
  readonly operation: Operation;
  readonly id?: RecordId;
  readonly ids?: readonly RecordId[];
  readonly scope?: Scope;
}

/** Does `exchange`, once or more or not at all, and answers for it. */
export type Interceptor = <T>(
  subject: Subject,
  call: Call,
  exchange: (call: Call) => MaybePromise<T>,
) => MaybePromise<T>;

/** A driver whose every exchange goes through `intercept`. */
export function around(inner: Driver, intercept: Interceptor): Driver {
  const { ping, getMany, putMany, deleteMany, swap, take, list, collections, clear, cull } = forward(inner, {});
  return forward(inner, {
    get: (id, call) => intercept({ operation: "get", id }, call, (c) => inner.get(id, c)),
    put: (id, record, call) => intercept({ operation: "put", id }, call, (c) => inner.put(id, record, c)),
    delete: (id, call) => intercept({ operation: "delete", id }, call, (c) => inner.delete(id, c)),
    ping: ping && ((call) => intercept({ operation: "ping" }, call, ping)),
    getMany: getMany && ((ids, call) => intercept({ operation: "getMany", ids }, call, (c) => getMany(ids, c))),
    putMany:
      putMany &&
      ((requests, call) => {
        const ids = requests.map(({ id }) => id);
        return intercept({ operation: "putMany", ids }, call, (c) => putMany(requests, c));
      }),
    deleteMany:
      deleteMany && ((ids, call) => intercept({ operation: "deleteMany", ids }, call, (c) => deleteMany(ids, c))),
    swap:
      swap &&
      ((id, expected, next, call) => intercept({ operation: "swap", id }, call, (c) => swap(id, expected, next, c))),
    take: take && ((id, call) => intercept({ operation: "take", id }, call, (c) => take(id, c))),
    list:
      list && ((scope, options, call) => intercept({ operation: "list", scope }, call, (c) => list(scope, options, c))),
    collections:
      collections &&
      ((prefix, cursor, call) =>
        intercept({ operation: "collections", scope: { collectionPrefix: prefix } }, call, (c) =>
          collections(prefix, cursor, c),
        )),
    clear:
      clear &&
      ((scope, cursor, call) => intercept({ operation: "clear", scope }, call, (c) => clear(scope, cursor, c))),
    cull:
      cull && ((scope, cursor, call) => intercept({ operation: "cull", scope }, call, (c) => cull(scope, cursor, c))),
  });
}

/** A pair of functions between the values that the user sees and those that are stored. */
export interface ValueCodec {
  /** Reads all of `value` before it first awaits. `id` is the name as this layer sees it. */
  encode(value: JsonValue, id: RecordId): MaybePromise<JsonValue>;
  /** Never changes `stored`, which may be the backend's own copy. @throws CorruptRecordError */
  decode(stored: JsonValue, id: RecordId): MaybePromise<JsonValue>;
  /** Whether what {@link decode} accepted is in a form that {@link encode} would not give any more. Default: never. */
  isOutdated?(stored: JsonValue): boolean;
}

/**
 * A driver whose values go through a codec. A native `take` is withdrawn: it would destroy a record before the codec
 * has accepted it, so the store does it by get and compare-and-delete. What has expired is absent before it is decoded,
 * so that a record which outlived its key is no error. One record of a batch that the codec refuses fails alone.
 */
export function values(inner: Driver, codec: ValueCodec): Driver {
  const { getMany, putMany, swap, list } = forward(inner, {});

  const encode = (id: RecordId, record: StoredRecord): MaybePromise<StoredRecord> =>
    chain(codec.encode(record.value, id), (value) => ({ ...record, value }));
  const decode = (id: RecordId, record: StoredRecord): MaybePromise<StoredRecord> =>
    chain(codec.decode(record.value, id), (value) => ({
      value,
      createdAt: record.createdAt,
      expiresAt: record.expiresAt,
      revision: record.revision,
    }));
  const decodeIfAny = (id: RecordId, record: StoredRecord | undefined): MaybePromise<StoredRecord | undefined> => {
    const live = liveOrNone(inner, record);
    return live && decode(id, live);
  };
  const listed = (id: RecordId, record: StoredRecord): MaybePromise<StoredRecord> =>
    chain(decode(id, record), ({ value, createdAt, expiresAt, revision }) => ({
      value,
      createdAt,
      expiresAt,
      revision,
      get outdated() {
        return record.outdated || codec.isOutdated?.(record.value);
      },
    }));

  return forward(inner, {
    take: undefined,
    get: (id, call) => chain(inner.get(id, call), (record) => decodeIfAny(id, record)),
    put: (id, record, call) =>
      chain(encode(id, record), (encoded) => {
        stillWanted(call);
        return inner.put(id, encoded, call);
      }),
    getMany:
      getMany &&
      ((ids, call) =>
        chain(getMany(ids, call), (records) =>
          all(
            records.map((one, at) =>
              one instanceof KeyValueError ? one : settle(() => decodeIfAny(ids[at] as RecordId, one)),
            ),
          ),
        )),
    putMany:
      putMany &&
      ((requests, call) => {
        const encoded = requests.map(({ id, record }) =>
          settle(() => chain(encode(id, record), (next): WriteRequest => ({ id, record: next }))),
        );
        return chain(all(encoded), (answers) => {
          stillWanted(call);
          const ready = answers.filter((one): one is WriteRequest => !(one instanceof KeyValueError));
          return chain(ready.length === 0 ? [] : putMany(ready, call), (stored) => {
            const rest = stored.values();
            return answers.map((one) => (one instanceof KeyValueError ? one : rest.next().value));
          });
        });
      }),
    swap:
      swap &&
      ((id, expected, next, call) =>
        chain(next && encode(id, next), (encoded) => {
          stillWanted(call);
          return chain(swap(id, expected, encoded, call), (result) =>
            result.swapped || result.current === undefined
              ? result
              : chain(decode(id, result.current), (current) => ({ swapped: false, current }) as const),
          );
        })),
    list:
      list &&
      ((scope, options, call) =>
        chain(list(scope, options, call), ({ items, next }) => {
          const decoded = items.map(({ key, record }) => {
            if (record === undefined || record instanceof KeyValueError) return { key, record };
            const id = { collection: scope.collection, key };
            return chain(
              settle(() => listed(id, record)),
              (one) => ({ key, record: one }),
            );
          });
          return chain(all(decoded), (ready) => ({ items: ready, next }));
        })),
  });
}

/** An injective map from the names that the user sees to those that are stored. */
export interface NameMap {
  to(id: RecordId): RecordId;
  toScope(scope: Scope): Scope;
  /** The user's name of a stored collection that {@link toScope} covers. */
  fromCollection(stored: string): string;
  /** The user's key of a record listed under {@link toScope}. */
  fromKey(stored: string): string;
}

/** A driver whose records lie under other names. */
export function names(inner: Driver, map: NameMap): Driver {
  const { getMany, putMany, deleteMany, swap, take, list, collections, clear, cull } = forward(inner, {});
  return forward(inner, {
    get: (id, call) => inner.get(map.to(id), call),
    put: (id, record, call) => inner.put(map.to(id), record, call),
    delete: (id, call) => inner.delete(map.to(id), call),
    getMany: getMany && ((ids, call) => getMany(ids.map(map.to), call)),
    putMany:
      putMany &&
      ((requests, call) =>
        putMany(
          requests.map(({ id, record }) => ({ id: map.to(id), record })),
          call,
        )),
    deleteMany: deleteMany && ((ids, call) => deleteMany(ids.map(map.to), call)),
    swap: swap && ((id, expected, next, call) => swap(map.to(id), expected, next, call)),
    take: take && ((id, call) => take(map.to(id), call)),
    list:
      list &&
      ((scope, options, call) => {
        const inside = map.toScope(scope);
        if (!("collection" in inside)) throw new TypeError("a collection must map to a collection");
        return chain(list(inside, options, call), ({ items, next }) => ({
          // Another program's key, too, may be the prefix alone.
          items: items.map(({ key, record }) => ({ key: map.fromKey(key), record })).filter(({ key }) => key !== ""),
          next,
        }));
      }),
    collections:
      collections &&
      ((prefix, cursor, call) => {
        const inside = map.toScope({ collectionPrefix: prefix });
        if (!("collectionPrefix" in inside)) throw new TypeError("all collections must map to a prefix");
        return chain(collections(inside.collectionPrefix, cursor, call), ({ items, next }) => ({
          // Another program's collection may be the prefix alone, which is the name of none of ours.
          items: items.map(map.fromCollection).filter((name) => name !== ""),
          next,
        }));
      }),
    clear: clear && ((scope, cursor, call) => clear(map.toScope(scope), cursor, call)),
    cull: cull && ((scope, cursor, call) => cull(map.toScope(scope), cursor, call)),
  });
}

/** The answers of all, at once where none is a promise. */
export function all<T>(answers: readonly MaybePromise<T>[]): MaybePromise<readonly T[]> {
  return answers.some(isPromise) ? Promise.all(answers) : (answers as readonly T[]);
}

/** The answer, or the error as one. */
export function settle<T>(
  attempt: () => MaybePromise<T>,
  asAnswer: (error: unknown) => KeyValueError = asKeyValueError,
): MaybePromise<Settled<T>> {
  try {
    const answer = attempt();
    return isPromise(answer) ? answer.catch(asAnswer) : answer;
  } catch (error) {
    return asAnswer(error);
  }
}

/** As {@link settle}, of what answers at once. */
export function settled<T>(attempt: () => T): Settled<T> {
  try {
    return attempt();
  } catch (error) {
    return asKeyValueError(error);
  }
}
