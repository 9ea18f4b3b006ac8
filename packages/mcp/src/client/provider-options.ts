/** What users say about a login. */
import { type CorruptRecordError, InvalidArgumentError } from "@kv/core";
import type { OAuthClientMetadata, StoredOAuthClientInformation } from "@modelcontextprotocol/client";
import type { EncryptedStoreOptions } from "../common/encrypted.ts";

export interface KvOAuthClientProviderOptions extends EncryptedStoreOptions<"write" | "atomic" | "durable"> {
  /** The MCP server's URL. */
  readonly server: string | URL;
  /** Whose login it is: a verified user id; where there is one user only, any text. */
  readonly principal: string;
  /** Where the authorization server sends the browser back to. May differ from run to run, as a loopback port does. */
  readonly redirectUrl: string | URL;
  /** What is registered; `redirect_uris` is filled in. */
  readonly clientMetadata: Omit<OAuthClientMetadata, "redirect_uris">;
  /**
   * Sends the user to the authorization server. Calls that need the same login until its promise resolves wait for that
   * instead of sending the user, too: let it last as long as the login is before the user's eyes.
   */
  readonly redirect: (url: URL) => void | Promise<void>;
  /** The https URL of a client ID metadata document, for authorization servers that take one instead of a registration. */
  readonly clientMetadataUrl?: string | undefined;
  /** A client that was registered beforehand, and with which authorization server. */
  readonly client?: (StoredOAuthClientInformation & { readonly issuer: string }) | undefined;
  /** Told of records that cannot be decrypted or read. They count as absent, so that the user logs in anew. */
  readonly onError?: ((error: CorruptRecordError) => void) | undefined;
}

/** @throws InvalidArgumentError */
export function checkedMetadataUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" && url.pathname !== "/") return text;
  throw new InvalidArgumentError("clientMetadataUrl must be an https URL with a path");
}
