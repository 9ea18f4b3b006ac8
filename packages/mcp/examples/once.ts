import type { KeyValueStore } from "@kv/core";
import type { EncryptionKey } from "@kv/core/wrappers";
import { cachedTokenVerifier, kvRequestState, replayGuard } from "@kv/mcp/server";
import {
  acceptedContent,
  inputRequired,
  McpServer,
  OAuthError,
  OAuthErrorCode,
  type OAuthTokenVerifier,
  requireBearerAuth,
} from "@modelcontextprotocol/server";
import * as z from "zod";

type Store = KeyValueStore<"write" | "atomic" | "durable">;
const Sure = z.object({ sure: z.boolean() });

/** Lets in whose token is good: the authorization server is asked once a minute for each. */
export function gateOf(store: Store, keys: readonly EncryptionKey[], verifier: OAuthTokenVerifier) {
  return requireBearerAuth({ verifier: cachedTokenVerifier({ store, keys, verifier, ttl: "1m" }) });
}

/** A tool that asks back. What it must know afterwards stays here; the client gets an id that is good once. */
export function serverOf(store: Store, keys: readonly EncryptionKey[]): McpServer {
  const states = kvRequestState<{ readonly of: string }>({ store, keys });
  const server = new McpServer({ name: "files", version: "1.0.0" }, { requestState: { verify: states.verify } });
  server.registerTool("delete", { inputSchema: z.object({ file: z.string() }) }, async ({ file }, context) => {
    const { inputResponses, requestState } = context.mcpReq;
    const state = requestState<{ readonly of: string }>();
    if (typeof state === "object" && acceptedContent(inputResponses, "sure", Sure)?.sure) {
      return { content: [{ type: "text", text: `Deleted ${state.of}.` }] };
    }
    return inputRequired({
      inputRequests: { sure: inputRequired.elicit({ message: `Delete ${file}?`, requestedSchema: Sure }) },
      requestState: await states.mint({ of: file }, context),
    });
  });
  return server;
}

/** Refuses an assertion that has been used, here or on another node. `exp` is in seconds. */
export async function onlyOnce(store: Store, { iss, jti, exp }: { iss: string; jti: string; exp: number }) {
  const guard = replayGuard({ store, name: "client-assertions" });
  if (!(await guard.consume(JSON.stringify([iss, jti]), exp * 1000))) {
    throw new OAuthError(OAuthErrorCode.InvalidClient, "the assertion was used before, or has expired");
  }
}
