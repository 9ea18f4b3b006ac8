// The servers that can be started. A new one is a file beside this one and two lines here.

import type { Recipe } from "../server.ts";
import { type ElasticsearchOptions, elasticsearch } from "./elasticsearch.ts";
import { type MemcachedOptions, memcached } from "./memcached.ts";
import { type MongodbOptions, mongodb } from "./mongodb.ts";
import { type RedisOptions, redis } from "./redis.ts";
import { valkey, valkey9 } from "./valkey.ts";

interface Options {
  readonly elasticsearch: ElasticsearchOptions;
  readonly memcached: MemcachedOptions;
  readonly mongodb: MongodbOptions;
  readonly redis: RedisOptions;
  readonly valkey: RedisOptions;
  readonly valkey9: Omit<RedisOptions, "tls">;
}

export type ServerName = keyof Options;
export type OptionsOf<Name extends ServerName> = Options[Name];

export const recipes: { readonly [Name in ServerName]: Recipe<Options[Name]> } = {
  elasticsearch,
  memcached,
  mongodb,
  redis,
  valkey,
  valkey9,
};

export function isServerName(name: string): name is ServerName {
  return Object.hasOwn(recipes, name);
}
