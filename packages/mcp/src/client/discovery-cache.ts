/** What a server was found to be, kept so that the next connection need not ask. */
import { type Duration, InvalidArgumentError, KeyValueError } from "@kv/core";
import { expiryOf } from "@kv/core/driver";
import type { Client, PriorDiscovery } from "@modelcontextprotocol/client";
import { type EncryptedStoreOptions, encryptedStore } from "../common/encrypted.ts";
import { isRecord } from "../common/is-record.ts";
import { lookupKey } from "../common/lookup-key.ts";
import { canonicalServer, checkPrincipal } from "./server-url.ts";
import { Slots } from "./slots.ts";

export interface DiscoveryCacheOptions extends EncryptedStoreOptions<"write" | "atomic"> {
  /** The MCP server's URL. */
  readonly server: string | URL;
  /** Who is logged in there, since a server may tell each what they may do; `"anonymous"` where nobody is. */
  readonly principal: string;
  /** How long a finding counts. Default: `"24h"`, after which an upgraded server is noticed. */
  readonly maxAge?: Duration | undefined;
  /** Told of failures of the store: the server is then asked. */
  readonly onError?: ((error: KeyValueError) => void) | undefined;
}

export interface DiscoveryCache {
  /** For `client.connect(transport, { prior: await discoveries.get() })`; `undefined`: the SDK asks the server. */
  get(): Promise<PriorDiscovery | undefined>;
  /** Keeps what a client has found, once it is connected. */
  save(client: Pick<Client, "getDiscoverResult">): Promise<void>;
  /** To be called where a connection fails that was made by it. */
  delete(): Promise<void>;
}

/** @throws InvalidArgumentError, InvalidTtlError, UnsupportedOperationError */
export function discoveryCache(options: DiscoveryCacheOptions): DiscoveryCache {
  const { server, principal, maxAge = "24h", onError = () => {} } = options;
  const store = encryptedStore("discoveryCache", options, ["write", "atomic"]);
  checkPrincipal(principal);
  if (typeof onError !== "function") throw new InvalidArgumentError("onError must be a function");
  const now = Date.now();
  const ttl = ((expiryOf({ ttl: maxAge }, now) ?? now) - now) / 1000;
  const slots = new Slots(store.collection("mcp-client-discovery"), { kind: "prior", accepts: isPrior, ttl, onError });
  const id = lookupKey(principal, canonicalServer(server));

  const orNothing = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof KeyValueError)) throw error;
      onError(error);
      return undefined;
    }
  };
  return {
    get: () => orNothing(id.then((name) => slots.get(name))),
    save: async (client) => {
      const discover = client.getDiscoverResult();
      const prior: PriorDiscovery = discover === undefined ? { kind: "legacy" } : { kind: "modern", discover };
      await orNothing(id.then((name) => slots.put(name, prior)));
    },
    delete: async () => {
      await orNothing(id.then((name) => slots.delete(name)));
    },
  };
}

function isPrior(value: unknown): value is PriorDiscovery {
  return isRecord(value) && (value.kind === "legacy" || (value.kind === "modern" && isRecord(value.discover)));
}
