/** The suite as data: what a property is, what it is handed, and what a store's author gives. */
import type { Capability } from "../capabilities.ts";
import { requireCapabilities } from "../capabilities.ts";
import type { Collection, KeyValueStore, StoreOptions } from "../store.ts";

/** What a property may want from the author's side, beside capabilities of the store. */
export type Want =
  /** Two stores on the same data: {@link Target.shared}. */
  | "second"
  /** A server that can be reached through a proxy: {@link Target.server} and {@link Target.through}. */
  | "proxy"
  /** The process of a server, to be ended and stopped: {@link Target.process}. */
  | "process"
  /** The package fast-check, which is an optional peer. */
  | "fast-check";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The process of a backend's server. Nobody else uses that server meanwhile. */
export interface ServerProcess {
  /** Ends it without a chance to finish anything (SIGKILL); what it has on disk and its port stay. */
  kill(): Promise<void>;
  /** Starts it where it was killed, else ends it in good order first; resolves when it serves. */
  restart(): Promise<void>;
  /** Lets it stand still, with its connections open (SIGSTOP); none of its threads runs any more once this returns. */
  pause(): void;
  resume(): void;
}

/** What the author of a store gives: see `conformance`. */
export interface Target {
  /** For the report: `"redis"`. */
  readonly name: string;
  /**
   * Opens a store, wrapped as it is to be tested. Called for every property at least once; the suite closes what it
   * opened. Options must be passed on to the store. Records of other programs may be there: names are unique to each run,
   * and what was stored under them is deleted.
   */
  open(options: StoreOptions): KeyValueStore<never> | Promise<KeyValueStore<never>>;
  /** True where all stores that `open` gives see the same data, so that properties of two instances can be checked. */
  readonly shared?: boolean;
  /** True where what was stored outlives its store, so that it is deleted after each property. Default: as {@link shared}. */
  readonly outlives?: boolean;
  /** Where the backend's server listens; with {@link through} its faults are checked, by a proxy in front of it. */
  readonly server?: Address;
  /** As {@link open}, with the server at another address. */
  through?(address: Address, options: StoreOptions): KeyValueStore<never> | Promise<KeyValueStore<never>>;
  /** The server's process, where the suite may kill, pause and restart it. */
  readonly process?: ServerProcess;
  /** True where a server that was ended has lost all, as a cache does; else what it acknowledged must outlive a SIGKILL. */
  readonly forgets?: boolean;
  /** Multiplies the times to live that properties use, for backends whose answers take longer than some 20 ms. Default: 1. */
  readonly timeScale?: number;
  /** Which properties are to be checked; the others are told of as not applicable. Default: all. */
  readonly only?: (property: Property) => boolean;
  /** The longer setting, for soaks. Default: whether the environment has `KV_CONFORMANCE=thorough`. */
  readonly thorough?: boolean;
}

/** How much of everything is tried. */
export interface Settings {
  readonly thorough: boolean;
  readonly timeScale: number;
  /** Records in one enumeration. */
  readonly records: number;
  /** Concurrent callers on one key. */
  readonly contenders: number;
  /** Command sequences of a model-based run at most: it has a limit in time, too. */
  readonly sequences: number;
  /** How long the server is disturbed again and again, in milliseconds. */
  readonly soak: number;
}

/** One sentence of the contract. */
export interface Property {
  /** Stable, of lower-case words with its chapter: `"ttl/overwriting-removes-it"`. */
  readonly id: string;
  readonly chapter: string;
  /** The sentence. */
  readonly title: string;
  /** Capabilities without which there is nothing to check. */
  readonly needs: readonly Capability[];
  /** Capabilities whose absence is checked. */
  readonly lacks: readonly Capability[];
  readonly wants: readonly Want[];
  /** Mostly waits, so that it runs beside the others of its chapter that do. */
  readonly waits: boolean;
  /** Rejects where the sentence does not hold. */
  run(host: Host): Promise<void>;
}

/** What the runner of a property provides; a property itself sees a {@link Context}. */
export interface Host {
  readonly target: Target;
  readonly settings: Settings;
  /** Closed when the property has ended. */
  open(options: StoreOptions): Promise<KeyValueStore<never>>;
  /** As {@link open}, by way of another address. */
  openThrough(address: Address, options: StoreOptions): Promise<KeyValueStore<never>>;
  /** Done when the property has ended, the last first, before its stores are closed. */
  defer(cleanup: () => void | Promise<void>): void;
  /** A name that no other property and no other run uses. */
  unique(): string;
}

/** What a property works with. `C`: the capabilities that it needs. */
export interface Context<C extends Capability> {
  readonly target: Target;
  readonly settings: Settings;
  /** Opened for this property, closed after it (closing it earlier does no harm). */
  readonly store: KeyValueStore<C>;
  /** An empty collection of {@link store} that nobody else uses. */
  collection(): Collection<C>;
  /** A name that nobody else uses: for a collection, or a prefix. */
  unique(): string;
  /** Another store, on the same data where the property wants `"second"`. */
  open(options?: StoreOptions): Promise<KeyValueStore<C>>;
  /** A store by way of another address: for properties that want `"proxy"`. */
  openThrough(address: Address, options?: StoreOptions): Promise<KeyValueStore<C>>;
  /** See {@link Host.defer}. */
  defer(cleanup: () => void | Promise<void>): void;
}

export interface Definition<C extends Capability> {
  readonly id: `${string}/${string}`;
  readonly title: string;
  readonly needs?: readonly C[];
  readonly lacks?: readonly Capability[];
  readonly wants?: readonly Want[];
  readonly waits?: boolean;
  run(context: Context<C>): Promise<void>;
}

/** A property whose context has, also for the compiler, the capabilities that it needs. */
export function property<const C extends Capability = never>(definition: Definition<C>): Property {
  const { id, title, needs = [], lacks = [], wants = [], waits = false } = definition;
  return {
    id,
    chapter: id.slice(0, id.indexOf("/")),
    title,
    needs,
    lacks,
    wants,
    waits,
    async run(host) {
      const store = having(await host.open({}), needs);
      await definition.run({
        target: host.target,
        settings: host.settings,
        store,
        collection: () => store.collection(host.unique()),
        unique: () => host.unique(),
        open: async (options = {}) => having(await host.open(options), needs),
        openThrough: async (address, options = {}) => having(await host.openThrough(address, options), needs),
        defer: (cleanup) => host.defer(cleanup),
      });
    },
  };
}

/** The store, known to have what is needed. @throws UnsupportedOperationError */
function having<C extends Capability>(store: KeyValueStore<never>, needs: readonly C[]): KeyValueStore<C> {
  if (!store.can(...needs)) {
    requireCapabilities(store.capabilities, needs, "the property");
    throw new TypeError("can() and the capabilities of the store contradict each other");
  }
  return store;
}
