/** The SDK's providers for machines, with tokens that survive a restart and that many processes share. */
import type { CorruptRecordError } from "@kv/core";
import type { OAuthClientProvider } from "@modelcontextprotocol/client";
import { type EncryptedStoreOptions, encryptedStore } from "../common/encrypted.ts";
import { lookupKey } from "../common/lookup-key.ts";
import { canonicalServer } from "./server-url.ts";
import { Slots } from "./slots.ts";
import { isTokens } from "./stored.ts";

export interface TokenStoreOptions extends EncryptedStoreOptions<"write" | "atomic"> {
  /** The MCP server's URL. */
  readonly server: string | URL;
  /** Told of records that cannot be decrypted or read. They count as absent, so that new tokens are fetched. */
  readonly onError?: ((error: CorruptRecordError) => void) | undefined;
}

const COLLECTION = "mcp-oauth-machine";
/** Of tokens that say nothing themselves. */
const DAY_SECONDS = 86_400;
/** So long before their end tokens count as ended: they have to arrive. */
const MARGIN_SECONDS = 5;

/**
 * The provider, its tokens kept in the store for as long as they live, by its client id and scope and the server. Works
 * for `ClientCredentialsProvider`, `PrivateKeyJwtProvider`, `CrossAppAccessProvider` and others that need no user; with a
 * user, use `KvOAuthClientProvider`.
 * @throws InvalidArgumentError, UnsupportedOperationError
 */
export function withTokenStore<P extends OAuthClientProvider>(provider: P, options: TokenStoreOptions): P {
  const { server, onError = () => {} } = options;
  const store = encryptedStore("withTokenStore", options, ["write", "atomic"]);
  const url = canonicalServer(server);
  const slots = new Slots(store.collection(COLLECTION), {
    kind: "tokens",
    accepts: isTokens,
    ttl: DAY_SECONDS,
    onError,
  });
  const id = async (): Promise<string> => {
    const client = await provider.clientInformation();
    return lookupKey(client?.client_id ?? "", provider.clientMetadata.scope ?? "", url);
  };

  const members: Pick<OAuthClientProvider, "tokens" | "saveTokens" | "invalidateCredentials"> = {
    tokens: async () => slots.handOut(await id()),
    saveTokens: async (tokens, ctx) => {
      await provider.saveTokens(tokens, ctx);
      const { expires_in: left = DAY_SECONDS } = tokens;
      if (left > MARGIN_SECONDS) await slots.put(await id(), tokens, left - MARGIN_SECONDS);
      else await slots.delete(await id());
    },
    invalidateCredentials: async (scope) => {
      await provider.invalidateCredentials?.(scope);
      if (scope === "all" || scope === "tokens") await slots.reject(await id());
    },
  };
  return new Proxy(provider, {
    get(target, name) {
      if (Object.hasOwn(members, name)) return Reflect.get(members, name);
      const value: unknown = Reflect.get(target, name, target);
      // Bound, since the provider may have private members.
      return typeof value === "function" ? value.bind(target) : value;
    },
    has: (target, name) => Object.hasOwn(members, name) || Reflect.has(target, name),
  });
}
