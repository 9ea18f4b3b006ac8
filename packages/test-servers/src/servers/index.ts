// The servers that can be started. A new one is a file beside this one and two lines here.

import type { CompositeRecipe, Recipe } from "../server.ts";
import { type DynamodbOptions, dynalite, moto } from "./dynamodb.ts";
import { type ElasticsearchOptions, elasticsearch } from "./elasticsearch.ts";
import { type MemcachedOptions, memcached } from "./memcached.ts";
import { type MongodbOptions, mongodb } from "./mongodb.ts";
import { type RedisOptions, redis } from "./redis.ts";
import { type ClusterOptions, redisCluster, valkey9Cluster, valkeyCluster } from "./redis-cluster.ts";
import { redisSentinel, type SentinelOptions } from "./redis-sentinel.ts";
import { valkey, valkey9 } from "./valkey.ts";

interface Options {
  readonly dynalite: DynamodbOptions;
  readonly elasticsearch: ElasticsearchOptions;
  readonly memcached: MemcachedOptions;
  readonly mongodb: MongodbOptions;
  readonly moto: DynamodbOptions;
  readonly redis: RedisOptions;
  readonly "redis-cluster": ClusterOptions;
  readonly "redis-sentinel": SentinelOptions;
  readonly valkey: RedisOptions;
  readonly "valkey-cluster": ClusterOptions;
  readonly valkey9: Omit<RedisOptions, "tls">;
  readonly "valkey9-cluster": Omit<ClusterOptions, "tls">;
}

export type ServerName = keyof Options;
export type OptionsOf<Name extends ServerName> = Options[Name];

export const recipes: {
  readonly [Name in ServerName]: Recipe<Options[Name]> | CompositeRecipe<Options[Name]>;
} = {
  dynalite,
  elasticsearch,
  memcached,
  mongodb,
  moto,
  redis,
  "redis-cluster": redisCluster,
  "redis-sentinel": redisSentinel,
  valkey,
  "valkey-cluster": valkeyCluster,
  valkey9,
  "valkey9-cluster": valkey9Cluster,
};

export function isServerName(name: string): name is ServerName {
  return Object.hasOwn(recipes, name);
}
