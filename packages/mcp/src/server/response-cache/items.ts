/** Which answers may be kept, for how long, and whether they are everybody's. */
import { type Duration, InvalidArgumentError } from "@kv/core";
import { expiryOf } from "@kv/core/driver";
import {
  CACHED_METHODS,
  type CachedMethod,
  DEFAULT_TTL,
  hrefOf,
  isCachedMethod,
  isList,
  itemOf,
  type Kind,
  kindOf,
} from "./methods.ts";
import type { ItemsOptions, ResponseCacheOptions } from "./options.ts";

/** How the answer to a request is kept. */
export interface Terms {
  readonly ttl: Duration;
  readonly shared: boolean;
}

const KINDS: readonly Kind[] = ["tools", "resources", "prompts"];

/** What the options say about each method, and each tool, resource and prompt. */
export class Items {
  readonly #ttl = new Map<CachedMethod, Duration>();
  readonly #sharedLists: ReadonlySet<string>;
  readonly #kinds: { readonly [K in Kind]: Rules };

  /** @throws InvalidArgumentError, InvalidTtlError */
  constructor({ ttl = {}, shared = [], tools, resources, prompts }: ResponseCacheOptions) {
    const [wrong] = [...Object.keys(ttl), ...shared].filter((method) => !isCachedMethod(method));
    if (wrong !== undefined) {
      throw new InvalidArgumentError(
        `an option is given for a method that is never cached; cached are ${CACHED_METHODS.join(", ")}`,
      );
    }
    if (shared.some((method) => !isList(method))) {
      throw new InvalidArgumentError("shared takes lists only; what else is everybody's is said of each item");
    }
    for (const method of CACHED_METHODS) {
      const own = ttl[method] ?? DEFAULT_TTL[method];
      if (own !== false) this.#ttl.set(method, checkedTtl(own));
    }
    this.#sharedLists = new Set(shared);
    this.#kinds = { tools: new Rules(tools), resources: new Rules(resources, hrefOf), prompts: new Rules(prompts) };
    for (const kind of KINDS) this.#kinds[kind].check(kind);
  }

  /** `undefined` where the answer may not be kept. `readOnly`: whether it calls a tool that is annotated so. */
  termsOf(method: CachedMethod, params: { readonly [name: string]: unknown }, readOnly: boolean): Terms | undefined {
    const ttl = this.#ttl.get(method);
    if (isList(method)) return ttl === undefined ? undefined : { ttl, shared: this.#sharedLists.has(method) };
    const item = itemOf(method, params);
    if (item === undefined) return undefined;
    return this.#kinds[kindOf(method)].termsOf(item, method !== "tools/call" || readOnly, ttl);
  }
}

/** Of one kind. Names of resources are URIs, of which one that ends in `*` stands for all that begin so. */
class Rules {
  readonly #options: ItemsOptions;
  readonly #include: Names | undefined;
  readonly #exclude: Names;
  readonly #own: Names;

  constructor(options: ItemsOptions = {}, normalize?: (name: string) => string) {
    const { include, exclude = [], items = {} } = options;
    this.#options = options;
    this.#include = include && new Names(include, normalize);
    this.#exclude = new Names(exclude, normalize);
    this.#own = new Names(Object.keys(items), normalize);
  }

  /** @throws InvalidArgumentError, InvalidTtlError */
  check(kind: Kind): void {
    const { include = [], exclude = [], items = {} } = this.#options;
    if ([...include, ...exclude].some((name) => typeof name !== "string")) {
      throw new InvalidArgumentError(`${kind}.include and ${kind}.exclude must be lists of names`);
    }
    for (const { ttl, shared = false } of Object.values(items)) {
      if (ttl !== undefined && ttl !== false) checkedTtl(ttl);
      if (typeof shared !== "boolean") throw new InvalidArgumentError(`shared in ${kind}.items must be a boolean`);
    }
  }

  termsOf(name: string, byDefault: boolean, ttlOfMethod: Duration | undefined): Terms | undefined {
    if (this.#exclude.find(name) !== undefined) return undefined;
    const named = this.#own.find(name);
    const included = this.#include ? this.#include.find(name) !== undefined : byDefault;
    if (!included && named === undefined) return undefined;
    const { ttl = ttlOfMethod ?? false, shared = false } = (named !== undefined && this.#options.items?.[named]) || {};
    return ttl === false ? undefined : { ttl, shared };
  }
}

/** A list of names, some of which may stand for all that begin as they do. */
class Names {
  readonly #exact = new Map<string, string>();
  /** The longest first. */
  readonly #prefixes: readonly string[];

  constructor(given: readonly string[], normalize?: (name: string) => string) {
    const isPrefix = (name: string): boolean => normalize !== undefined && String(name).endsWith("*");
    for (const name of given) if (!isPrefix(name)) this.#exact.set(normalize?.(name) ?? name, name);
    this.#prefixes = given.filter(isPrefix).sort((one, other) => other.length - one.length);
  }

  /** The name as it was given. */
  find(name: string): string | undefined {
    return this.#exact.get(name) ?? this.#prefixes.find((prefix) => name.startsWith(prefix.slice(0, -1)));
  }
}

/** @throws InvalidTtlError */
function checkedTtl(ttl: Duration): Duration {
  expiryOf({ ttl }, Date.now());
  return ttl;
}
