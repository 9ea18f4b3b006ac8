/** What users hold: a store, and its collections. */
import { KeyQueue } from "./atomics.ts";
import { isUsers, storedPrefix, userKey } from "./beside.ts";
import type { CallOptions } from "./call.ts";
import { type CapabilitiesOf, type Capability, requireCapabilities } from "./capabilities.ts";
import { Connection } from "./connection.ts";
import { chain, type Driver, type Listed, type StoreEvent } from "./driver/driver.ts";
import type { AnyLayer, Layer } from "./driver/layer.ts";
import { InvalidNameError, UnsupportedOperationError } from "./errors.ts";
import type { JsonValue } from "./json.ts";
import type { Context } from "./operations.ts";
import { type Entry, kindOf, timeoutOf } from "./record.ts";
import { Records } from "./records.ts";
import { anyShape, type Schema, shapeOf } from "./schema.ts";

/** As in Python's py-key-value. */
const DEFAULT_COLLECTION = "default_collection";

export interface StoreOptions {
  /** The collection that the store's own operations use. Default: `"default_collection"`, as Python's py-key-value. */
  readonly defaultCollection?: string | undefined;
  /** The deadline of each call that gives none: milliseconds, or a duration such as `"2s"`. Default: 5 s. */
  readonly timeout?: number | string | undefined;
  /** Told of what happens beside any call: a failed background sweep, a lost connection. */
  readonly onEvent?: ((event: StoreEvent) => void) | undefined;
}

export type ListOptions = CallOptions & {
  /** Only names that start with it. */
  readonly prefix?: string | undefined;
};

/** The records under one name. Two collections never share a record. */
export class Collection<in C extends Capability, Out = JsonValue, In = unknown> extends Records<C, Out, In> {
  /** Narrows a collection whose capabilities are known only at run time. */
  can<K extends Capability>(...wanted: K[]): this is Collection<C | K, Out, In> {
    return wanted.every((one) => this.capabilities[one]);
  }

  /**
   * The keys, page by page as the loop asks for them, in no stated order. A record that lives throughout comes exactly
   * once, one that comes or goes meanwhile at most once. `timeout` bounds each page, `signal` the whole loop.
   */
  async *keys(this: Collection<"enumerate", Out, In>, options?: ListOptions): AsyncGenerator<string, void, undefined> {
    for await (const { key } of this.#list("keys", false, options)) yield key;
  }

  /** The entries, as {@link keys}. @throws CorruptRecordError, SchemaError at the entry that cannot be read */
  async *entries(
    this: Collection<"enumerate", Out, In>,
    options?: ListOptions,
  ): AsyncGenerator<Entry<Out>, void, undefined> {
    for await (const { key, record } of this.#list("entries", true, options)) {
      const entry = await this.listedEntry(key, record);
      if (entry !== undefined) yield entry;
    }
  }

  /** Deletes all records of this collection, and nothing else. What others write meanwhile may stay. */
  clear(this: Collection<"clear", Out, In>, options?: CallOptions): Promise<void> {
    const { driver } = this.context;
    const scope = { collection: this.name, keyPrefix: "" };
    return this.sweep("clear", options, (cursor, call) =>
      supported(driver, driver.clear, "clear")(scope, cursor, call),
    );
  }

  #list(operation: string, values: boolean, options: ListOptions | undefined): AsyncIterable<Listed> {
    const { driver } = this.context;
    return this.pages(operation, options, (cursor, call) => {
      const prefix = checkedPrefix(options);
      const scope = { collection: this.name, keyPrefix: storedPrefix(prefix) };
      return chain(supported(driver, driver.list, operation)(scope, { values, cursor }, call), ({ items, next }) => {
        const named = items.filter(({ key }) => isUsers(key)).map(underUserKey);
        return { items: scope.keyPrefix === prefix ? named : named.filter(({ key }) => key.startsWith(prefix)), next };
      });
    });
  }
}

/**
 * A store over a backend. Its own key operations are those of its default collection. Collections and layers made from
 * it share one connection, which the first operation opens and {@link close} ends for all of them.
 */
export class KeyValueStore<in C extends Capability> extends Records<C, JsonValue, unknown> {
  readonly #layers: readonly AnyLayer[];

  /** @internal Use {@link createStore}. */
  constructor(context: Context, layers: readonly AnyLayer[]) {
    super(context, context.defaultCollection, anyShape);
    this.#layers = layers;
  }

  /** Narrows a store whose capabilities are known only at run time. */
  can<K extends Capability>(...wanted: K[]): this is KeyValueStore<C | K> {
    return wanted.every((one) => this.capabilities[one]);
  }

  /**
   * The collection of this name, without a name the default one. With a schema, what is put must fit it and is stored
   * as given; what is read is the schema's output.
   * @throws InvalidNameError
   */
  collection(name?: string): Collection<C>;
  collection<In, Out>(name: string | undefined, options: { readonly schema: Schema<In, Out> }): Collection<C, Out, In>;
  collection<In, Out>(
    name = this.context.defaultCollection,
    options?: { readonly schema: Schema<In, Out> },
  ): Collection<C> | Collection<C, Out, In> {
    return options?.schema
      ? new Collection(this.context, name, shapeOf(options.schema))
      : new Collection(this.context, name, anyShape);
  }

  /**
   * This store seen through a wrapper; itself it stays as it was. Layers go innermost first: what is given last sees
   * the caller's call first.
   * @throws UnsupportedOperationError where the layer needs a capability that the store has not, InvalidArgumentError
   * where it may not lie outside one that is there
   */
  with<N extends Capability, W extends Capability>(
    this: KeyValueStore<NoInfer<N>>,
    layer: Layer<N, W>,
  ): KeyValueStore<Exclude<C, W>> {
    requireCapabilities(this.capabilities, layer.needs, layer.name);
    const { connection, driver } = this.context;
    const inner = driver === connection.driver ? connection.layered : driver;
    const outer = layer.apply(inner, this.#layers);
    const context = { ...this.context, sentAtOnce: false, driver: outer, queue: new KeyQueue() };
    return newStore(context, [...this.#layers, layer]);
  }

  /** The wrappers around the backend, innermost first. */
  get layers(): readonly string[] {
    return this.#layers.map(({ name }) => name);
  }

  /** The backend's own driver: `if (store.driver instanceof RedisDriver) store.driver.client …`. */
  get driver(): Driver {
    return this.context.connection.base;
  }

  /** The names of the collections that hold a record, as {@link Collection.keys} lists keys. */
  collections(this: KeyValueStore<"enumerate">, options?: ListOptions): AsyncGenerator<string, void, undefined> {
    const { driver } = this.context;
    return this.pages("collections", options, (cursor, call) =>
      supported(driver, driver.collections, "collections")(checkedPrefix(options), cursor, call),
    );
  }

  /** Deletes all records that this store reaches (with `prefixCollections`: those under the prefix), and nothing else. */
  clearAll(this: KeyValueStore<"clear">, options?: CallOptions): Promise<void> {
    const { driver } = this.context;
    return this.sweep("clearAll", options, (cursor, call) =>
      supported(driver, driver.clear, "clearAll")({ collectionPrefix: "" }, cursor, call),
    );
  }

  /** Deletes what has expired, now; backends also do so by themselves. */
  cull(this: KeyValueStore<"clear">, options?: CallOptions): Promise<void> {
    const { driver } = this.context;
    return this.sweep("cull", options, (cursor, call) => driver.cull?.({ collectionPrefix: "" }, cursor, call));
  }

  /** One exchange with the backend: rejects where it cannot serve. */
  ping(options?: CallOptions): Promise<void> {
    return this.exchange("ping", options, (call) => this.context.driver.ping?.(call));
  }

  /**
   * Lets the calls in flight settle, then closes the connection for all collections and layers; a client that the
   * caller passed in stays open. Later calls reject with `StoreClosedError`. May be called again.
   */
  close(): Promise<void> {
    return this.context.connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * A store over a driver. Nothing connects before the first operation.
 * @throws InvalidArgumentError
 */
export function createStore<const D extends Driver>(
  driver: D,
  options: StoreOptions = {},
): KeyValueStore<CapabilitiesOf<D>> {
  const timeout = timeoutOf(options.timeout ?? 5000);
  const connection = new Connection(driver, timeout, options.onEvent);
  const { defaultCollection = DEFAULT_COLLECTION } = options;
  const { driver: outer, sentAtOnce } = connection;
  return newStore(
    { connection, scope: connection, sentAtOnce, driver: outer, defaultCollection, queue: new KeyQueue() },
    [],
  );
}

/** Outside of the class, whose name a bundler would have to change if it named itself. */
function newStore<C extends Capability>(context: Context, layers: readonly AnyLayer[]): KeyValueStore<C> {
  return new KeyValueStore(context, layers);
}

function underUserKey(listed: Listed): Listed {
  const key = userKey(listed.key);
  return key === listed.key ? listed : { key, record: listed.record };
}

/** The method of a driver that claims to have it. */
function supported<M extends (...args: never[]) => unknown>(
  driver: Driver,
  method: M | undefined,
  operation: string,
): M {
  if (method) return method.bind(driver) as M;
  throw new UnsupportedOperationError(`${driver.name} has no ${operation}`);
}

function checkedPrefix(options: ListOptions | undefined): string {
  const prefix = options?.prefix === undefined ? "" : options.prefix;
  if (typeof prefix !== "string" || !prefix.isWellFormed()) {
    throw new InvalidNameError(`a prefix must be a well-formed string, not ${kindOf(prefix)}`);
  }
  return prefix;
}
