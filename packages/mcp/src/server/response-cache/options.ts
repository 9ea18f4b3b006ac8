/** What users say about the response cache. */
import { type Duration, InvalidArgumentError, type KeyValueStore } from "@kv/core";
import { type MaybePromise, timeoutOf } from "@kv/core/driver";
import type { EncryptionKey } from "@kv/core/wrappers";
import { encryptedStore } from "../../common/encrypted.ts";
import type { RequestContext } from "../context.ts";
import type { CachedMethod } from "./methods.ts";

export type ResponseCacheOptions = CommonOptions & (WithoutLease | WithLease);

interface WithoutLease {
  /** Where answers are kept; closed by its owner, never by the cache. */
  readonly store: KeyValueStore<"write">;
  readonly lease?: undefined;
}

interface WithLease {
  readonly store: KeyValueStore<"write" | "atomic" | "durable">;
  /**
   * Of equal requests in all processes on the store, one runs the handler and the others wait for its answer, at most
   * half of this time, in milliseconds or as a duration: about how long a run may take. Default: each process runs it.
   */
  readonly lease: number | string;
}

interface CommonOptions {
  /** As given to `new McpServer(…)`. Servers of other names or versions never see each other's answers. */
  readonly server: { readonly name: string; readonly version: string };
  /**
   * Whatever else the answers depend on: a deployment, the state of a database. Answers of another revision are not
   * used. A function is asked for each request, so it should be quick.
   */
  readonly revision?: string | (() => MaybePromise<string>) | undefined;
  /** How long answers are kept, for each method; `false`: not at all. Default: lists 5 minutes, all others an hour. */
  readonly ttl?: { readonly [M in CachedMethod]?: Duration | false | undefined } | undefined;
  /** The lists that are the same for everybody. Default: none. */
  readonly shared?: readonly ListMethod[] | undefined;
  /** Which tools. Default: those annotated `readOnlyHint` and not `openWorldHint`. */
  readonly tools?: ItemsOptions | undefined;
  /** Which resources, by URI; one that ends in `*` stands for all that begin so. Default: all. */
  readonly resources?: ItemsOptions | undefined;
  /** Which prompts. Default: all. */
  readonly prompts?: ItemsOptions | undefined;
  /**
   * Who asks: what is kept for one principal is never given to another. `undefined`: keep nothing. Scopes and resource
   * of the access token always count in addition. Default: `sub` and `iss` of `authInfo.extra`, else the access token;
   * without `authInfo` anonymous, or nobody at all if the request has an `Authorization` or `Cookie` header.
   */
  readonly principal?: ((context: RequestContext) => string | undefined) | undefined;
  /**
   * Whether a hit tells the client, where the protocol has fields for it, for how long the answer stays in the cache
   * (`ttlMs`) and whether it is everybody's (`cacheScope`): so long the client need not ask. Default: true.
   */
  readonly announceTtl?: boolean | undefined;
  /** Encrypts the answers, as core's `encryption`. Default: they lie in the store as it keeps its values. */
  readonly keys?: readonly EncryptionKey[] | undefined;
  /** Longer answers, in bytes of JSON, are not kept. Default: 1 MiB. */
  readonly maxBytes?: number | undefined;
  /** How long to wait for the store, in milliseconds or as a duration such as `"500ms"`. Default: 1 s. */
  readonly timeout?: number | string | undefined;
  /** Told of each failure of the store, of `revision` and of `principal`. They cost the hit, never the answer. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

type ListMethod = Extract<CachedMethod, `${string}/list`>;

/** Which tools, resources or prompts are cached, and how. */
export interface ItemsOptions {
  /** These alone, and those in `items`; an empty list is none. */
  readonly include?: readonly string[] | undefined;
  /** None of these, whatever else is said. */
  readonly exclude?: readonly string[] | undefined;
  /** By name: what is named here is included. */
  readonly items?: { readonly [name: string]: ItemOptions } | undefined;
}

export interface ItemOptions {
  /** Default: that of the method. `false`: not at all. */
  readonly ttl?: Duration | false | undefined;
  /** The answer is the same whoever asks: one is kept for all, logged in or not. Default: false. */
  readonly shared?: boolean | undefined;
}

/**
 * What the cache itself goes by; `Items` checks the rest. Times in milliseconds.
 * @throws InvalidArgumentError, UnsupportedOperationError
 */
export function checked(options: ResponseCacheOptions) {
  const { server, maxBytes = 2 ** 20, timeout = 1000, lease, announceTtl = true } = options;
  if (typeof server?.name !== "string" || typeof server.version !== "string") {
    throw new InvalidArgumentError("server must be the { name, version } of the MCP server");
  }
  if (!Number.isInteger(maxBytes) || maxBytes < 0) {
    throw new InvalidArgumentError("maxBytes must be a whole number of bytes");
  }
  if (typeof announceTtl !== "boolean") throw new InvalidArgumentError("announceTtl must be a boolean");
  return {
    server,
    maxBytes,
    timeout: timeoutOf(timeout),
    lease: lease === undefined ? undefined : timeoutOf(lease),
    store: storeOf(options),
  };
}

function storeOf(options: ResponseCacheOptions): KeyValueStore<"write"> {
  // Answers may be anybody's: whether they are encrypted is the caller's to say.
  const plain = { keys: options.keys, allowPlaintext: true };
  if (options.lease === undefined)
    return encryptedStore("responseCache", { ...plain, store: options.store }, ["write"]);
  const needs = ["write", "atomic", "durable"] as const;
  return encryptedStore("responseCache with a lease", { ...plain, store: options.store }, needs);
}
