/** Answers of an MCP server, kept in a store: the cache itself, independent of how requests reach it. */
import type { MaybePromise } from "@kv/core/driver";
import type { McpServer, ServerEventBus } from "@modelcontextprotocol/server";
import { isRecord, type RequestContext } from "../context.ts";
import { principalOf } from "../principal.ts";
import { Answers, type Failed, type Found, type Kept } from "./answers.ts";
import { Flight } from "./flight.ts";
import { intercept } from "./install.ts";
import { type Asked, type Invalidation, Invalidations, type Stamp } from "./invalidations.ts";
import { Items, type Terms } from "./items.ts";
import { announced, isFresh, ownTtl, textOf } from "./keepable.ts";
import { eraOf, keyOf, textOfIdentity } from "./key.ts";
import { type CachedMethod, isCachedMethod } from "./methods.ts";
import { checkInvalidation, invalidationOfEvent, methodOf } from "./notices.ts";
import { checked, type ResponseCacheOptions } from "./options.ts";
import { type CacheStatistics, type Counts, newCounts } from "./statistics.ts";

/** Middleware of no framework in particular: `next` runs what would answer without a cache. */
export type CacheMiddleware = <Result>(
  method: string,
  params: unknown,
  context: RequestContext,
  next: () => MaybePromise<Result>,
) => Promise<Result>;

/** @throws InvalidArgumentError, InvalidTtlError, UnsupportedOperationError */
export function responseCache(options: ResponseCacheOptions): ResponseCache {
  return new ResponseCache(options);
}

/** A request whose answer may be kept. */
interface Request<Result> extends Asked {
  readonly context: RequestContext;
  readonly identity: string;
  /** Of the answer's record. */
  readonly key: Promise<string>;
  readonly terms: Terms;
  readonly counts: Counts;
  readonly failed: Failed;
  readonly next: () => MaybePromise<Result>;
}

/** One for all instances of a server: it outlives the instance that answers a single HTTP request. */
export class ResponseCache {
  readonly #options: ResponseCacheOptions;
  readonly #items: Items;
  readonly #maxBytes: number;
  readonly #lease: number | undefined;
  readonly #invalidations: Invalidations;
  readonly #answers: Answers;
  readonly #flights = new Map<string, Flight>();
  readonly #counts = newCounts();

  /** @internal Use {@link responseCache}. */
  constructor(options: ResponseCacheOptions) {
    const { store, server, timeout, maxBytes, lease } = checked(options);
    this.#options = options;
    this.#items = new Items(options);
    this.#maxBytes = maxBytes;
    this.#lease = lease;
    const records = store.collection(`mcp-responses/${server.name}@${server.version}`);
    this.#invalidations = new Invalidations(records, timeout);
    this.#answers = new Answers(records, this.#invalidations, timeout);
  }

  /**
   * Caches for this instance. To be called right after `new McpServer(…)`, which must not declare capabilities of its
   * own: what is registered later is what is cached. What the instance tells its clients to have changed is invalidated.
   * @throws InvalidArgumentError where handlers are installed already
   */
  install(server: McpServer): void {
    intercept(server, {
      answer: ({ method, params, context, readOnly, next }) => this.#answer(method, params, context, readOnly, next),
      changed: (invalidation) => this.#told(invalidation),
    });
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

  /**
   * No answer whose handler began before is given any more: in this process from now on, in all on the store when it
   * resolves. Rejects where the store fails; this process then goes without the store until it has told it.
   * @throws InvalidArgumentError, StoreUnavailableError, TimeoutError
   */
  async invalidate(what: Invalidation): Promise<void> {
    checkInvalidation(what);
    await this.#invalidations.add(what);
  }

  /**
   * Invalidates what events on the bus say is out of date: those of `handler.notify` with `createMcpHandler(…).bus`.
   * @returns a function that ends it
   */
  invalidateOn(bus: Pick<ServerEventBus, "subscribe">): () => void {
    return bus.subscribe((event) => {
      const invalidation = invalidationOfEvent(event);
      if (invalidation) this.#told(invalidation);
    });
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
    const terms = isFresh(params, context) ? this.#items.termsOf(method, params, readOnly) : undefined;
    if (!terms) return next();
    const counts = this.#counts[method];
    const failed = (error: unknown): void => this.#failed(error, counts);
    const identity = await this.#identityOf({ method, params }, context, terms, failed);
    if (identity === undefined) return next();
    const key = keyOf(method, identity);
    const request: Request<Result> = { method, params, context, identity, key, terms, counts, failed, next };

    // Not by the key, which takes a turn, in which two would begin.
    const ahead = this.#flights.get(identity);
    if (ahead) {
      ahead.followers++;
      const text = await ahead.landed;
      // What must not be kept is nobody else's answer either.
      if (text === undefined) return this.#run(request, undefined);
      counts.shared++;
      return JSON.parse(text);
    }

    const flight = new Flight(this.#invalidations.asked);
    this.#flights.set(identity, flight);
    try {
      const found = await this.#answers.find(await key, request, failed);
      if (!found.answer) return await this.#make(request, found, flight);
      counts.hits++;
      return this.#give(request, found.answer, flight);
    } finally {
      this.#close(request, flight);
      flight.land(undefined);
    }
  }

  /** An answer that is not in the store: of this process' handler, or with a lease of another's. */
  async #make<Result>(request: Request<Result>, { stamp, outdated }: Found, flight: Flight): Promise<Result> {
    const lease = this.#lease;
    if (lease === undefined || !stamp) return this.#run(request, stamp, flight);
    const own: { answer?: Promise<Result> } = {};
    const run = (): Promise<Result> => {
      own.answer ??= this.#run(request, stamp, flight);
      return own.answer;
    };
    const { method, params, key, failed } = request;
    const asked = { method, params, key: await key };
    const others = await this.#answers.once(asked, { lease, outdated, run, failed });
    if (own.answer || !others) return run();
    request.counts.shared++;
    return this.#give(request, others, flight);
  }

  /** Lets the handler answer, and keeps the answer where that is allowed. */
  async #run<Result>(request: Request<Result>, stamp: Stamp | undefined, flight?: Flight): Promise<Result> {
    const { key, terms, counts, failed, next } = request;
    counts.misses++;
    const result = await next();
    const text = textOf(result);
    if (flight) this.#land(request, flight, text, stamp);
    if (stamp && text !== undefined && Buffer.byteLength(text) <= this.#maxBytes) {
      const answer = { result: JSON.parse(text), stamp, own: ownTtl(result) };
      if (await this.#answers.keep(await key, answer, terms.ttl, failed)) counts.stored++;
    }
    return result;
  }

  #give<Result>(request: Request<Result>, { result, stamp, remaining }: Kept, flight: Flight): Result {
    const { announceTtl = true } = this.#options;
    const { method, terms, context } = request;
    let given: object = result;
    if (announceTtl && eraOf(context) === "modern")
      given = announced(result, { method, remaining, shared: terms.shared });
    else if (typeof result.ttlMs === "number") given = { ...result, ttlMs: remaining };
    this.#land(request, flight, flight.followers > 0 ? JSON.stringify(given) : undefined, stamp);
    // Under this key lies what the same handler gave, as JSON.
    return given as Result;
  }

  /** Gives the answer to those who wait: they asked later, so it has to be looked whether it still holds. */
  #land(request: Request<unknown>, flight: Flight, text: string | undefined, stamp: Stamp | undefined): void {
    this.#close(request, flight);
    if (flight.followers === 0 || text === undefined || stamp === undefined) {
      // Without the store only this process' own invalidations are known.
      flight.land(flight.asked === this.#invalidations.asked ? text : undefined);
      return;
    }
    const looked = this.#answers.stillHolds(stamp, request, request.failed);
    flight.land(looked.then((holds) => (holds ? text : undefined)));
  }

  /** Nobody joins it any more. */
  #close({ identity }: Request<unknown>, flight: Flight): void {
    if (this.#flights.get(identity) === flight) this.#flights.delete(identity);
  }

  /** `undefined` where the answer may not be kept. */
  async #identityOf(
    asked: Asked,
    context: RequestContext,
    { shared }: Terms,
    failed: Failed,
  ): Promise<string | undefined> {
    const { server, revision = "" } = this.#options;
    try {
      const principal = shared ? undefined : principalOf(context, this.#options.principal);
      if (!shared && !principal) return undefined;
      const state = typeof revision === "string" ? revision : await revision();
      return textOfIdentity({ ...asked, context, server, revision: state, principal });
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  #told(invalidation: Invalidation): void {
    const counts = this.#counts[methodOf(invalidation)];
    this.#invalidations.add(invalidation).catch((error: unknown) => this.#failed(error, counts));
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
