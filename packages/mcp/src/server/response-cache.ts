/** Answers of an MCP server, kept in a store: the cache itself, independent of how requests reach it. */
import {
  type Collection,
  type Duration,
  InvalidArgumentError,
  type JsonValue,
  KeyValueError,
  type KeyValueStore,
} from "@kv/core";
import { expiryOf, type MaybePromise, timeoutOf } from "@kv/core/driver";
import type { McpServer } from "@modelcontextprotocol/server";
import { isRecord, type RequestContext } from "./context.ts";
import { Flight } from "./flight.ts";
import { intercept } from "./install.ts";
import { aged, isFresh, ownTtl, textOf } from "./keepable.ts";
import { grantOf, hashOf, verifiedPrincipal } from "./key.ts";
import { CACHED_METHODS, type CachedMethod, DEFAULT_TTL, isCachedMethod } from "./methods.ts";

export interface ResponseCacheOptions {
  /** Where answers are kept; closed by its owner, never by the cache. */
  readonly store: KeyValueStore<"write">;
  /** As given to `new McpServer(…)`. Servers of other names or versions never see each other's answers. */
  readonly server: { readonly name: string; readonly version: string };
  /**
   * Whatever else the answers depend on: a deployment, the state of a database. Answers of another revision are not
   * used. A function is asked for each request, so it should be quick.
   */
  readonly revision?: string | (() => MaybePromise<string>) | undefined;
  /** How long answers are kept, for each method; `false`: not at all. Default: lists 5 minutes, all others an hour. */
  readonly ttl?: { readonly [M in CachedMethod]?: Duration | false | undefined } | undefined;
  /** Which tools: those annotated `readOnlyHint` and not `openWorldHint`, those of `include`, none of `exclude`. */
  readonly tools?:
    | { readonly include?: readonly string[] | undefined; readonly exclude?: readonly string[] | undefined }
    | undefined;
  /**
   * Who asks: what is kept for one principal is never given to another. `undefined`: keep nothing. Scopes and resource
   * of the access token always count in addition. Default: `sub` and `iss` of `authInfo.extra`, else the access token;
   * without `authInfo` anonymous, or nobody at all if the request has an `Authorization` or `Cookie` header.
   */
  readonly principal?: ((context: RequestContext) => string | undefined) | undefined;
  /** Longer answers, in bytes of JSON, are not kept. Default: 1 MiB. */
  readonly maxBytes?: number | undefined;
  /** How long to wait for the store, in milliseconds or as a duration such as `"500ms"`. Default: 1 s. */
  readonly timeout?: number | string | undefined;
  /** Told of each failure of the store, of `revision` and of `principal`. They cost the hit, never the answer. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Counted since the cache was made, in this process. */
export interface CacheStatistics {
  /** Answered from the store. */
  readonly hits: number;
  /** Answered by the run of an equal request that was in progress. */
  readonly shared: number;
  /** Answered by the handler, though they might have been in the store. */
  readonly misses: number;
  /** Answers put into the store. */
  readonly stored: number;
  /** Failures of the store, of `revision` and of `principal`. */
  readonly failures: number;
}

/** Middleware of no framework in particular: `next` runs what would answer without a cache. */
export type CacheMiddleware = <Result>(
  method: string,
  params: unknown,
  context: RequestContext,
  next: () => MaybePromise<Result>,
) => Promise<Result>;

type Counts = { -readonly [K in keyof CacheStatistics]: CacheStatistics[K] };

/** @throws InvalidArgumentError, InvalidTtlError */
export function responseCache(options: ResponseCacheOptions): ResponseCache {
  return new ResponseCache(options);
}

/** One for all instances of a server: it outlives the instance that answers a single HTTP request. */
export class ResponseCache {
  readonly #options: ResponseCacheOptions;
  readonly #kept: Collection<"write">;
  readonly #ttl: ReadonlyMap<CachedMethod, Duration>;
  readonly #included: ReadonlySet<string>;
  readonly #excluded: ReadonlySet<string>;
  readonly #maxBytes: number;
  readonly #timeout: number;
  readonly #flights = new Map<string, Flight>();
  readonly #counts: { readonly [M in CachedMethod]: Counts } = {
    "tools/list": noCounts(),
    "prompts/list": noCounts(),
    "resources/list": noCounts(),
    "resources/templates/list": noCounts(),
    "tools/call": noCounts(),
    "resources/read": noCounts(),
    "prompts/get": noCounts(),
  };

  /** @internal Use {@link responseCache}. */
  constructor(options: ResponseCacheOptions) {
    const { store, server, tools = {}, maxBytes = 2 ** 20, timeout = 1000 } = options;
    if (typeof server?.name !== "string" || typeof server.version !== "string") {
      throw new InvalidArgumentError("server must be the { name, version } of the MCP server");
    }
    if (!Number.isInteger(maxBytes) || maxBytes < 0) {
      throw new InvalidArgumentError("maxBytes must be a whole number of bytes");
    }
    this.#options = options;
    this.#kept = store.collection(`mcp-responses/${server.name}@${server.version}`);
    this.#ttl = ttlsOf(options);
    this.#included = new Set(tools.include);
    this.#excluded = new Set(tools.exclude);
    this.#maxBytes = maxBytes;
    this.#timeout = timeoutOf(timeout);
  }

  /**
   * Caches for this instance. To be called right after `new McpServer(…)`, which must not declare capabilities of its
   * own: what is registered later is what is cached.
   * @throws InvalidArgumentError where handlers are installed already
   */
  install(server: McpServer): void {
    intercept(server, ({ method, params, context, readOnly, next }) =>
      this.#answer(method, params, context, readOnly, next),
    );
  }

  /**
   * The handler of a method with the cache before it, for a server without `registerTool`. Of its tools only those
   * that are included by name are cached.
   */
  wrap<Request extends { readonly params?: unknown }, Context extends RequestContext, Result>(
    method: CachedMethod,
    handler: (request: Request, context: Context) => MaybePromise<Result>,
  ): (request: Request, context: Context) => Promise<Result> {
    return (request, context) => this.#answer(method, request.params, context, false, () => handler(request, context));
  }

  /** The cache for frameworks that have middleware. Of their tools only those included by name are cached. */
  middleware(): CacheMiddleware {
    return async (method, params, context, next) =>
      isCachedMethod(method) ? this.#answer(method, params, context, false, next) : next();
  }

  /** What the cache has done, for each method. */
  statistics(): { readonly [M in CachedMethod]: CacheStatistics } {
    return structuredClone(this.#counts);
  }

  async #answer<Result>(
    method: CachedMethod,
    given: unknown,
    context: RequestContext,
    readOnly: boolean,
    next: () => MaybePromise<Result>,
  ): Promise<Result> {
    const params = isRecord(given) ? given : {};
    const ttl = this.#ttl.get(method);
    if (ttl === undefined || !isFresh(params, context)) return next();
    if (method === "tools/call" && !this.#caches(params.name, readOnly)) return next();
    const counts = this.#counts[method];
    const key = await this.#keyOf(method, params, context, counts);
    if (key === undefined) return next();

    const ahead = this.#flights.get(key);
    if (ahead) {
      ahead.followers++;
      const text = await ahead.landed;
      // What must not be kept is nobody else's answer either.
      if (text === undefined) return this.#run(key, ttl, counts, next);
      counts.shared++;
      return JSON.parse(text);
    }

    const flight = new Flight();
    this.#flights.set(key, flight);
    try {
      const found = await this.#find(key, counts);
      if (found && found !== "unavailable") {
        counts.hits++;
        if (flight.followers > 0) flight.land(JSON.stringify(found));
        // Under this key lies what the same handler gave, as JSON.
        return found as Result;
      }
      return await this.#run(key, ttl, counts, next, { flight, keeps: found !== "unavailable" });
    } finally {
      flight.land(undefined);
      this.#flights.delete(key);
    }
  }

  /** Lets the handler answer, and keeps the answer where that is allowed. */
  async #run<Result>(
    key: string,
    ttl: Duration,
    counts: Counts,
    next: () => MaybePromise<Result>,
    { flight, keeps = true }: { readonly flight?: Flight; readonly keeps?: boolean } = {},
  ): Promise<Result> {
    counts.misses++;
    const result = await next();
    const text = textOf(result);
    flight?.land(text);
    if (keeps && text !== undefined && Buffer.byteLength(text) <= this.#maxBytes) {
      await this.#keep(key, JSON.parse(text), ttl, counts);
    }
    return result;
  }

  /** What is kept; "unavailable" where the store cannot be asked now, so that another try would only cost time. */
  async #find(key: string, counts: Counts): Promise<object | "unavailable" | undefined> {
    try {
      const entry = await this.#kept.getEntry(key, { timeout: this.#timeout });
      if (entry === undefined || !isRecord(entry.value)) return undefined;
      return aged(entry.value, Date.now() - (entry.createdAt?.getTime() ?? 0));
    } catch (error) {
      this.#failed(error, counts);
      return error instanceof KeyValueError && error.retryable ? "unavailable" : undefined;
    }
  }

  async #keep(key: string, result: JsonValue, ttl: Duration, counts: Counts): Promise<void> {
    const now = Date.now();
    const expiresAt = Math.min(expiryOf({ ttl }, now) ?? 0, now + (ownTtl(result) ?? Number.POSITIVE_INFINITY));
    if (expiresAt <= now) return;
    try {
      await this.#kept.put(key, result, { expiresAt, timeout: this.#timeout });
      counts.stored++;
    } catch (error) {
      this.#failed(error, counts);
    }
  }

  /** `undefined` where the answer may not be kept. */
  async #keyOf(
    method: CachedMethod,
    params: { readonly [name: string]: unknown },
    context: RequestContext,
    counts: Counts,
  ): Promise<string | undefined> {
    const { server, revision = "", principal } = this.#options;
    try {
      const own = principal?.(context);
      const who = principal ? own !== undefined && ["principal", own] : verifiedPrincipal(context);
      if (!who) return undefined;
      const { _meta, ...asked } = params;
      // Results have another form on the wire's two generations; only the newer one has an envelope.
      const era = context.mcpReq?.envelope === undefined ? "legacy" : "modern";
      const state = typeof revision === "string" ? revision : await revision();
      return `${method}:${hashOf([server.name, server.version, state, era, who, grantOf(context), asked])}`;
    } catch (error) {
      this.#failed(error, counts);
      return undefined;
    }
  }

  #caches(tool: unknown, readOnly: boolean): boolean {
    return typeof tool === "string" && !this.#excluded.has(tool) && (readOnly || this.#included.has(tool));
  }

  #failed(error: unknown, counts: Counts): void {
    counts.failures++;
    try {
      this.#options.onError?.(error);
    } catch {
      // A hook that throws must not take the answer with it, nor the process.
    }
  }
}

function noCounts(): Counts {
  return { hits: 0, shared: 0, misses: 0, stored: 0, failures: 0 };
}

/** @throws InvalidArgumentError, InvalidTtlError */
function ttlsOf({ ttl: given = {} }: ResponseCacheOptions): ReadonlyMap<CachedMethod, Duration> {
  const unknown = Object.keys(given).find((method) => !isCachedMethod(method));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(
      `ttl is given for a method that is never cached; cached are ${CACHED_METHODS.join(", ")}`,
    );
  }
  const ttls = new Map<CachedMethod, Duration>();
  for (const method of CACHED_METHODS) {
    const ttl = given[method] ?? DEFAULT_TTL[method];
    if (ttl === false) continue;
    expiryOf({ ttl }, Date.now());
    ttls.set(method, ttl);
  }
  return ttls;
}
