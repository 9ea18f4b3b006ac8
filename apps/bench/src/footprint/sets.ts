/** What is installed and imported to see what it costs by being there. */
export interface PackageSet {
  readonly title: string;
  /** Packages of this project, which are packed as they would be published. */
  readonly ours: readonly string[];
  /** Packages of the registry, in the version that the benchmark itself has. */
  readonly others: readonly string[];
  /** What a program imports. */
  readonly imports: readonly string[];
}

function ours(title: string, ...names: readonly string[]): PackageSet {
  return { title, ours: ["core", ...names], others: [], imports: ["core", ...names].map((name) => `@kv/${name}`) };
}

function others(...names: readonly string[]): PackageSet {
  return { title: names.join(" + "), ours: [], others: names, imports: names };
}

export const sets: readonly PackageSet[] = [
  ours("@kv/core"),
  ours("@kv/core + @kv/memory", "memory"),
  ours("@kv/core + @kv/disk", "disk"),
  ours("@kv/core + @kv/rocksdb", "rocksdb"),
  ours("@kv/core + @kv/redis", "redis"),
  ours("@kv/core + @kv/valkey", "valkey"),
  ours("@kv/core + @kv/memcached", "memcached"),
  ours("@kv/core + @kv/dynamodb", "dynamodb"),
  ours("@kv/core + @kv/mongodb", "mongodb"),
  ours("@kv/core + @kv/elasticsearch", "elasticsearch"),
  others("keyv"),
  others("keyv", "@keyv/redis"),
  others("keyv", "@keyv/memcache"),
  others("keyv", "@keyv/mongo"),
  others("unstorage"),
  { ...others("unstorage", "ioredis"), imports: ["unstorage", "unstorage/drivers/redis"] },
  others("cacheable"),
  others("cache-manager"),
  others("bentocache"),
  { ...others("bentocache", "ioredis"), imports: ["bentocache", "bentocache/drivers/redis"] },
  others("classic-level"),
  others("ioredis"),
];
