/** Runs properties: which apply to a store, one property with the stores that it opens, all of them one after another. */
import { randomBytes } from "node:crypto";
import type { Capabilities } from "../capabilities.ts";
import type { KeyValueStore, StoreOptions } from "../store.ts";
import { ConformanceError, describeError, show } from "./assertions.ts";
import type { Host, Property, Settings, Target, Want } from "./property.ts";
import { collect } from "./support.ts";

/** A property that says nothing about this store, and why. */
export interface NotApplicable {
  readonly property: Property;
  readonly reason: string;
}

export interface Plan {
  /** Of the store that the target opens. */
  readonly capabilities: Capabilities;
  readonly applicable: readonly Property[];
  readonly notApplicable: readonly NotApplicable[];
}

export interface Result {
  readonly property: Property;
  /** Absent: the property holds. */
  readonly error?: unknown;
  readonly milliseconds: number;
}

export interface Report extends Plan {
  readonly name: string;
  /** Whether every applicable property holds. */
  readonly passed: boolean;
  readonly results: readonly Result[];
  readonly milliseconds: number;
}

/**
 * Milliseconds after which a property that has not ended has failed: many times what any takes, since a busy machine may
 * be ten times slower than a quiet one.
 */
export function limitOf({ thorough, timeScale }: Settings): number {
  return thorough ? 900_000 : 120_000 * Math.max(1, timeScale);
}

export function settingsOf(target: Target): Settings {
  const thorough = target.thorough ?? process.env.KV_CONFORMANCE === "thorough";
  return {
    thorough,
    timeScale: target.timeScale ?? 1,
    records: thorough ? 25_000 : 2500,
    contenders: 64,
    sequences: thorough ? 20_000 : 1000,
    soak: thorough ? 300_000 : 3000,
  };
}

/** Which properties apply. Opens a store for it, and closes it. */
export async function planOf(target: Target, properties: readonly Property[]): Promise<Plan> {
  const store = await target.open({});
  const { capabilities } = store;
  await store.close();
  const wants = new Map<Want, string | undefined>([
    ["second", target.shared ? undefined : "open() gives stores that share no data"],
    ["proxy", target.server && target.through ? undefined : "server and through() are not given"],
    ["process", target.process ? undefined : "process is not given"],
    ["fast-check", (await hasFastCheck()) ? undefined : "the package fast-check is not installed"],
  ]);
  const applicable: Property[] = [];
  const notApplicable: NotApplicable[] = [];
  for (const property of properties) {
    const lacking = property.needs.find((one) => !capabilities[one]);
    const having = property.lacks.find((one) => capabilities[one]);
    const reason =
      (target.only?.(property) === false ? "the target leaves it out" : undefined) ??
      (lacking && `the store does not claim "${lacking}"`) ??
      (having && `the store claims "${having}"`) ??
      property.wants.map((want) => wants.get(want)).find((missing) => missing !== undefined);
    if (reason === undefined) applicable.push(property);
    else notApplicable.push({ property, reason });
  }
  return { capabilities, applicable, notApplicable };
}

/** Runs one property, closes what it opened and, where it holds, removes what it stored. */
export async function runProperty(property: Property, target: Target): Promise<Result> {
  const settings = settingsOf(target);
  const limit = limitOf(settings);
  const began = performance.now();
  const host = new PropertyHost(target, settings);
  let failure: { readonly thrown: unknown } | undefined;
  for (const step of [() => property.run(host), () => host.end()]) {
    try {
      await within(limit, step);
    } catch (thrown) {
      failure ??= { thrown };
    }
  }
  const milliseconds = performance.now() - began;
  if (failure) return { property, error: explain(failure.thrown, property, host), milliseconds };
  // A store that cannot even be tidied up is told of by other properties.
  await within(limit, () => host.tidy()).catch(() => {});
  return { property, milliseconds };
}

/** Runs all, in order; those of a chapter that mostly wait run beside each other. */
export function startAll(target: Target, properties: readonly Property[]): (property: Property) => Promise<Result> {
  const waiting = new Map<string, Map<Property, Promise<Result>>>();
  return (property) => {
    if (!property.waits) return runProperty(property, target);
    let group = waiting.get(property.chapter);
    if (!group) {
      const beside = properties.filter((other) => other.waits && other.chapter === property.chapter);
      group = new Map(beside.map((other) => [other, runProperty(other, target)]));
      waiting.set(property.chapter, group);
    }
    return group.get(property) ?? runProperty(property, target);
  };
}

class PropertyHost implements Host {
  readonly target: Target;
  readonly settings: Settings;
  /** The names given out, for the message of a failure. */
  readonly names: string[] = [];
  /** What they begin with, and what the names made of them hold. */
  readonly #prefix = `kv-${randomBytes(5).toString("hex")}`;
  readonly #stores: KeyValueStore<never>[] = [];
  readonly #cleanups: (() => void | Promise<void>)[] = [];

  constructor(target: Target, settings: Settings) {
    this.target = target;
    this.settings = settings;
  }

  async open(options: StoreOptions): Promise<KeyValueStore<never>> {
    return this.#keep(await this.target.open(options));
  }

  async openThrough(address: { host: string; port: number }, options: StoreOptions): Promise<KeyValueStore<never>> {
    if (!this.target.through) throw new TypeError('a property that opens stores through a proxy must want "proxy"');
    return this.#keep(await this.target.through(address, options));
  }

  defer(cleanup: () => void | Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  unique(): string {
    // Of one length, so that none begins with another.
    const name = this.#prefix + String(this.names.length).padStart(4, "0");
    this.names.push(name);
    return name;
  }

  async end(): Promise<void> {
    try {
      for (const cleanup of this.#cleanups.reverse()) await cleanup();
    } finally {
      await Promise.all(this.#stores.map((store) => store.close()));
    }
  }

  /**
   * Deletes what was stored under the names given out, so that a database that many runs share does not grow. Not by
   * `clear`: a broken one would take the records of other properties with it.
   */
  async tidy(): Promise<void> {
    const { shared, outlives = shared } = this.target;
    if (!outlives || this.names.length === 0) return;
    const store = await this.target.open({});
    try {
      if (!store.can("write", "enumerate")) return;
      for (const name of await collect(store.collections())) {
        if (!name.includes(this.#prefix)) continue;
        const collection = store.collection(name);
        await collection.deleteMany(await collect(collection.keys()));
      }
    } finally {
      await store.close();
    }
  }

  #keep(store: KeyValueStore<never>): KeyValueStore<never> {
    this.#stores.push(store);
    return store;
  }
}

async function within(milliseconds: number, run: () => Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ConformanceError(`did not end within ${milliseconds} ms`)), milliseconds);
  });
  try {
    await Promise.race([run(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The failure with the property's name in front, and the names of the collections that it used. */
function explain(thrown: unknown, property: Property, host: PropertyHost): ConformanceError {
  const what = thrown instanceof ConformanceError ? thrown.message : `failed with ${describeError(thrown)}`;
  const where = host.names.length === 0 ? "" : `\n  names used: ${show(host.names.slice(0, 6))}`;
  const message = `${property.id}: ${what}\n  the contract: ${property.title}${where}`;
  const error = new ConformanceError(message, thrown instanceof ConformanceError ? thrown : {});
  if (thrown instanceof Error) {
    error.cause = thrown instanceof ConformanceError ? undefined : thrown;
    // The frames of the property, under the new message.
    const frames = (thrown.stack ?? "").split("\n").filter((line) => line.startsWith("    at "));
    error.stack = [`${error.name}: ${message}`, ...frames].join("\n");
  }
  return error;
}

async function hasFastCheck(): Promise<boolean> {
  try {
    await import("fast-check");
    return true;
  } catch {
    return false;
  }
}
