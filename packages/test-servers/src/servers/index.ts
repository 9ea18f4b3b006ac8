// The servers that can be started. A new one is a file beside this one and two lines here.

import type { Recipe } from "../server.ts";
import { type RedisOptions, redis } from "./redis.ts";

interface Options {
  readonly redis: RedisOptions;
}

export type ServerName = keyof Options;
export type OptionsOf<Name extends ServerName> = Options[Name];

export const recipes: { readonly [Name in ServerName]: Recipe<Options[Name]> } = { redis };

export function isServerName(name: string): name is ServerName {
  return Object.hasOwn(recipes, name);
}
