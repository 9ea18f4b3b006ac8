/** A store by URL: the scheme tells the backend, whose package is imported only then. */
import { type Capability, lacking } from "./capabilities.ts";
import { BackendError, BackendNotInstalledError, InvalidArgumentError } from "./errors.ts";
import type { KeyValueStore, StoreOptions } from "./store.ts";

export interface OpenOptions<K extends Capability> extends StoreOptions {
  /** What the store must be able to do; the type of the result says so. */
  readonly needs?: readonly K[] | undefined;
}

/** What the package of a backend exports for `openStore`. */
export interface Backend {
  /** @throws InvalidArgumentError where the URL is none for this backend */
  fromUrl(url: string, options: StoreOptions): KeyValueStore<never>;
}

interface Known {
  readonly package: string;
  /** What its stores cannot do, for the message that recommends others. */
  readonly lacks: readonly Capability[];
}

const BACKENDS: ReadonlyMap<string, Known> = new Map([
  ["memory", { package: "@kv/memory", lacks: [] }],
  ["disk", { package: "@kv/disk", lacks: [] }],
  ["redis", { package: "@kv/redis", lacks: [] }],
  ["rediss", { package: "@kv/redis", lacks: [] }],
  ["redis+cluster", { package: "@kv/redis", lacks: [] }],
  ["rediss+cluster", { package: "@kv/redis", lacks: [] }],
  ["redis+sentinel", { package: "@kv/redis", lacks: [] }],
  ["rediss+sentinel", { package: "@kv/redis", lacks: [] }],
  ["valkey", { package: "@kv/valkey", lacks: [] }],
  ["valkeys", { package: "@kv/valkey", lacks: [] }],
  ["valkey+cluster", { package: "@kv/valkey", lacks: [] }],
  ["valkeys+cluster", { package: "@kv/valkey", lacks: [] }],
  ["rocksdb", { package: "@kv/rocksdb", lacks: [] }],
  ["memcached", { package: "@kv/memcached", lacks: ["enumerate", "clear", "durable"] }],
  ["memcacheds", { package: "@kv/memcached", lacks: ["enumerate", "clear", "durable"] }],
  ["dynamodb", { package: "@kv/dynamodb", lacks: [] }],
  ["mongodb", { package: "@kv/mongodb", lacks: [] }],
  ["mongodb+srv", { package: "@kv/mongodb", lacks: [] }],
  ["elasticsearch", { package: "@kv/elasticsearch", lacks: [] }],
  ["elasticsearchs", { package: "@kv/elasticsearch", lacks: [] }],
]);

/** See `openStore`. */
export async function openByUrl<K extends Capability>(url: string, options: OpenOptions<K>): Promise<KeyValueStore<K>> {
  const { needs = [], ...rest } = options;
  const { fromUrl } = await importBackend(url);
  const store = fromUrl(url, rest);
  if (store.can(...needs)) return store;
  const able = [...BACKENDS]
    .filter(([, { lacks }]) => !needs.some((one) => lacks.includes(one)))
    .map(([scheme]) => scheme);
  const error = lacking(store.capabilities, needs, "the program");
  error.message += `; stores of these URLs have it: ${schemes(able)}`;
  throw error;
}

async function importBackend(url: string): Promise<Backend> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  const backend = BACKENDS.get(scheme ?? "");
  if (scheme === undefined || backend === undefined) {
    throw new InvalidArgumentError(
      `${scheme === undefined ? "a store URL begins with its backend" : `there is no backend "${scheme}:"`}: one of ${schemes([...BACKENDS.keys()])}`,
    );
  }
  try {
    const imported: Backend = await import(backend.package);
    return imported;
  } catch (error) {
    if (isMissing(error, backend.package)) {
      throw new BackendNotInstalledError(
        `"${scheme}:" needs the package ${backend.package}, which is not installed: npm install ${backend.package}`,
        { cause: error },
      );
    }
    throw new BackendError(`the package ${backend.package} could not be loaded`, { cause: error });
  }
}

/** Whether this very package was not found, rather than one that it imports itself. */
function isMissing(error: unknown, name: string): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    error.code === "ERR_MODULE_NOT_FOUND" &&
    error.message.includes(`'${name}'`)
  );
}

function schemes(names: readonly string[]): string {
  return names.map((name) => `${name}:`).join(", ");
}
