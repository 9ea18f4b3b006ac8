/** A real MCP server over HTTP that wants an access token of an authorization server. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  startAuthorizationServer,
} from "@kv/test-servers/oidc";
import { toNodeHandler } from "@modelcontextprotocol/node";
import {
  type AuthInfo,
  createMcpHandler,
  getOAuthProtectedResourceMetadataUrl,
  McpServer,
  OAuthError,
  OAuthErrorCode,
  type OAuthMetadata,
  oauthMetadataResponse,
  requireBearerAuth,
} from "@modelcontextprotocol/server";
import { createRemoteJWKSet, jwtVerify } from "jose";

export interface ProtectedServer {
  readonly url: URL;
  readonly authorizationServer: AuthorizationServer;
  /** How often the tool ran. */
  runs(): number;
  /** Refuses all access tokens that it has seen. */
  revokeSeen(): void;
  stop(): Promise<void>;
}

/** With one tool, `whoami`, whose answer is the user's name. */
export async function startProtectedServer(
  options: Omit<AuthorizationServerOptions, "resource"> = {},
): Promise<ProtectedServer> {
  const http = createServer();
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const url = new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`);
  const authorizationServer = await startAuthorizationServer({ ...options, resource: url });
  const { issuer, jwksUrl } = authorizationServer;
  const discovered = await fetch(new URL("/.well-known/openid-configuration", issuer));
  const oauthMetadata = (await discovered.json()) as OAuthMetadata;
  const seen = new Set<string>();
  const revoked = new Set<string>();
  let runs = 0;

  const mcp = createMcpHandler(() => {
    const server = new McpServer({ name: "protected", version: "1.0.0" });
    server.registerTool("whoami", {}, ({ http }) => {
      runs++;
      return { content: [{ type: "text", text: String(http?.authInfo?.extra?.sub) }] };
    });
    return server;
  });
  const keys = createRemoteJWKSet(jwksUrl);
  const gate = requireBearerAuth({
    expectedResource: url,
    resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(url),
    verifier: {
      verifyAccessToken: async (token) => {
        if (revoked.has(token)) throw new OAuthError(OAuthErrorCode.InvalidToken, "revoked");
        seen.add(token);
        return authInfoOf(token, await verified(token));
      },
    },
  });
  const verified = async (token: string) => {
    try {
      return (await jwtVerify(token, keys, { issuer, audience: url.href })).payload;
    } catch {
      throw new OAuthError(OAuthErrorCode.InvalidToken, "expired or forged");
    }
  };
  const fetchHandler = async (request: Request): Promise<Response> => {
    const metadata = oauthMetadataResponse(request, {
      oauthMetadata,
      resourceServerUrl: url,
      scopesSupported: ["mcp"],
      dangerouslyAllowInsecureIssuerUrl: true,
    });
    if (metadata) return metadata;
    const authInfo = await gate(request);
    return authInfo instanceof Response ? authInfo : mcp.fetch(request, { authInfo });
  };
  http.on("request", toNodeHandler({ fetch: fetchHandler }));

  return {
    url,
    authorizationServer,
    runs: () => runs,
    revokeSeen: () => {
      for (const token of seen) revoked.add(token);
    },
    stop: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
      await mcp.close();
      await authorizationServer.stop();
    },
  };
}

function authInfoOf(token: string, payload: Record<string, unknown>): AuthInfo {
  const { client_id, scope, exp, aud, sub, iss } = payload;
  return {
    token,
    clientId: String(client_id),
    scopes: String(scope).split(" "),
    expiresAt: Number(exp),
    resource: new URL(String(aud)),
    extra: { sub, iss },
  };
}
