/** A mutant: a store that keeps the contract but for one sentence, and the properties that must notice. */
import type { Target } from "../../src/conformance/index.ts";
import type { Driver, RecordId, StoredRecord } from "../../src/driver/index.ts";
import { createStore, type KeyValueStore } from "../../src/index.ts";
import type { JsonValue } from "../../src/json.ts";
import { LineDriver } from "../support/line-driver.ts";
import type { LineServer } from "../support/line-server.ts";
import { type Data, MapDriver } from "../support/map-driver.ts";

type Address = NonNullable<Target["server"]>;

export interface Mutant {
  /** What it does wrong. */
  readonly fault: string;
  /** Ids of the properties that name this fault: each of them has to fail. */
  readonly caughtBy: readonly string[];
  target(server: LineServer): Target;
}

type MapDriverClass = new (data: Data) => Driver;
type LineDriverClass = new (address: Address) => LineDriver;

/** A fault of a driver in memory. */
export function driver(fault: string, caughtBy: readonly string[], broken: MapDriverClass): Mutant {
  const data: Data = new Map();
  return { fault, caughtBy, target: () => mapTarget((options) => createStore(new broken(data), options)) };
}

/** As {@link driver}, of a driver that is made otherwise. */
export function made(fault: string, caughtBy: readonly string[], make: (data: Data) => Driver): Mutant {
  const data: Data = new Map();
  return { fault, caughtBy, target: () => mapTarget((options) => createStore(make(data), options)) };
}

/** A fault of a driver for a server. */
export function client(fault: string, caughtBy: readonly string[], broken: LineDriverClass): Mutant {
  return {
    fault,
    caughtBy,
    target: (server) => lineTarget(server, (address, options) => createStore(new broken(address), options)),
  };
}

/** A fault above the driver, of a store in memory. */
export function store(
  fault: string,
  caughtBy: readonly string[],
  spoil: (store: KeyValueStore<never>) => KeyValueStore<never>,
): Mutant {
  const data: Data = new Map();
  return { fault, caughtBy, target: () => mapTarget((options) => spoil(createStore(new MapDriver(data), options))) };
}

/** As {@link store}, of a store over a server, whose answers take their time. */
export function remote(
  fault: string,
  caughtBy: readonly string[],
  spoil: (store: KeyValueStore<never>) => KeyValueStore<never>,
): Mutant {
  return {
    fault,
    caughtBy,
    target: (server) => lineTarget(server, (address, options) => spoil(createStore(new LineDriver(address), options))),
  };
}

export function mapTarget(open: Target["open"]): Target {
  return { name: "map", shared: true, open };
}

export function lineTarget(server: LineServer, through: NonNullable<Target["through"]>): Target {
  const { address } = server;
  return {
    name: "line",
    shared: true,
    server: address,
    process: server,
    through,
    open: (options) => through(address, options),
  };
}

type Method = (...parameters: unknown[]) => unknown;

/** Replaces methods of a store, of its collections and of the stores made from it by layers. */
export function replacing(methods: Readonly<Record<string, (original: Method, target: object) => Method>>) {
  const spoil = <S extends object>(target: S): S => {
    for (const [name, make] of Object.entries(methods)) {
      const original: unknown = Reflect.get(target, name);
      if (typeof original === "function")
        define(
          target,
          name,
          make((...given) => Reflect.apply(original, target, given), target),
        );
    }
    return target;
  };
  return (given: KeyValueStore<never>): KeyValueStore<never> => {
    const deep = <S extends object>(target: S): S => {
      for (const name of ["collection", "with"]) {
        const original: unknown = Reflect.get(target, name);
        if (typeof original !== "function") continue;
        define(target, name, (...parameters) => deep(Reflect.apply(original, target, parameters)));
      }
      return spoil(target);
    };
    return deep(given);
  };
}

function define(target: object, name: string, value: Method): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}

/** A driver that stores under another key than it is told. */
export function renaming(rename: (key: string) => string): MapDriverClass {
  const renamed = ({ collection, key }: RecordId): RecordId => ({ collection, key: rename(key) });
  return class extends MapDriver {
    override find(id: RecordId): StoredRecord | undefined {
      return super.find(renamed(id));
    }
    override store(id: RecordId, record: StoredRecord): void {
      super.store(renamed(id), record);
    }
    override remove(id: RecordId): void {
      super.remove(renamed(id));
    }
  };
}

/** A driver that stores another record than it is told; `undefined`: none. */
export function recording(
  change: (record: StoredRecord, before: StoredRecord | undefined) => StoredRecord | undefined,
): MapDriverClass {
  return class extends MapDriver {
    override store(id: RecordId, record: StoredRecord): void {
      const changed = change(record, this.find(id));
      if (changed) super.store(id, changed);
    }
  };
}

/** A driver that stores another value than it is told. */
export function storing(change: (value: JsonValue) => JsonValue): MapDriverClass {
  return recording((record) => ({ ...record, value: change(record.value) }));
}

/** The value with `change` done to each string in it. */
export function mapStrings(value: JsonValue, change: (text: string) => JsonValue): JsonValue {
  if (typeof value === "string") return change(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((one: JsonValue) => mapStrings(one, change));
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, part]) => (part === undefined ? [] : [[name, mapStrings(part, change)]])),
  );
}

export const later = (milliseconds = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
