/** The state of a request of several rounds, in the store: the client holds an id that says nothing. */
import { type Collection, type Duration, InvalidArgumentError } from "@kv/core";
import { copyJson, expiryOf, type JsonValue } from "@kv/core/driver";
import type { RequestStateCodec, ServerContext } from "@modelcontextprotocol/server";
import { type EncryptedStoreOptions, encryptedStore } from "../common/encrypted.ts";
import { lookupKey } from "../common/lookup-key.ts";
import { randomText } from "../common/secrets.ts";
import type { RequestContext } from "./context.ts";
import { bindingOf } from "./principal.ts";

export interface KvRequestStateOptions extends EncryptedStoreOptions<"write" | "atomic" | "durable"> {
  /** How long the client has for the next round. Default: 10 minutes. */
  readonly ttl?: Duration | undefined;
  /**
   * Whose a state is: with another's it is unknown. `undefined` refuses. Default: `sub` and `iss` of `authInfo.extra`,
   * else the access token; all without `authInfo` are one anonymous principal.
   */
  readonly principal?: ((context: RequestContext) => string | undefined) | undefined;
}

/**
 * In place of the SDK's `createRequestStateCodec`: the payload never leaves the server, may be of any size, and each
 * state is good for one round of its own principal, and its own method, on any node.
 * @throws InvalidArgumentError, InvalidTtlError, UnsupportedOperationError
 */
export function kvRequestState<T = unknown>(options: KvRequestStateOptions): RequestStateCodec<T> {
  return new KvRequestState<T>(options);
}

class KvRequestState<T> implements RequestStateCodec<T> {
  readonly #states: Collection<"write" | "atomic" | "durable">;
  readonly #ttl: Duration;
  readonly #principal: KvRequestStateOptions["principal"];

  constructor(options: KvRequestStateOptions) {
    const { ttl = "10m", principal } = options;
    expiryOf({ ttl }, Date.now());
    const store = encryptedStore("kvRequestState", options, ["write", "atomic", "durable"]);
    this.#states = store.collection("mcp-request-states");
    this.#ttl = ttl;
    this.#principal = principal;
    // The SDK is given `verify` alone.
    this.verify = this.verify.bind(this);
  }

  /** Keeps the payload, which is JSON: the id for `inputRequired({ requestState })`. @throws InvalidArgumentError */
  async mint(payload: T, context?: ServerContext): Promise<string> {
    if (context === undefined) throw new InvalidArgumentError("mint needs the handler's context: whose state is it?");
    const id = randomText();
    // As it is now; in an object: null is a payload, too.
    const state = { payload: copyJson(payload) };
    await this.#states.put(await this.#keyOf(id, context), state, { ttl: this.#ttl });
    return id;
  }

  /** The payload, once. @throws an error that tells nothing but that it is unknown */
  async verify(id: string, context: ServerContext): Promise<T> {
    const state = await this.#states.take(await this.#keyOf(id, context));
    if (!isState(state)) throw new InvalidArgumentError("unknown, used or expired");
    // Under this key lies what `mint` was given, as JSON.
    return state.payload as T;
  }

  /** Of this id for this caller: another's attempt finds nothing, and so uses nothing up. */
  async #keyOf(id: string, context: ServerContext): Promise<string> {
    const owner = await bindingOf(context, this.#principal);
    if (owner === undefined) throw new InvalidArgumentError("this caller can have no state");
    return lookupKey(id, owner, context.mcpReq.method);
  }
}

function isState(value: JsonValue | undefined): value is { readonly payload: JsonValue } {
  return typeof value === "object" && value !== null && "payload" in value;
}
