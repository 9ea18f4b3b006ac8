/** An issuer of access tokens for tests that are about tokens, not about logging in. */
import type { webcrypto } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { onTestFinished } from "vitest";

export class Issuer {
  /** How often its metadata or its keys were asked for. */
  asked = 0;
  readonly #http: Server;
  readonly #signingKey: webcrypto.CryptoKey;
  #port = 0;

  private constructor(http: Server, signingKey: webcrypto.CryptoKey) {
    this.#http = http;
    this.#signingKey = signingKey;
  }

  /** Listens until the test ends. `metadata` is added to its own; `undefined` in it takes a member away. */
  static async start(metadata: Record<string, unknown> = {}): Promise<Issuer> {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: "ES256", kid: "one" }] };
    const issuer: Issuer = new Issuer(
      createServer(({ url }, response) => {
        issuer.asked++;
        const documents: { readonly [path: string]: object } = {
          "/.well-known/oauth-authorization-server": { ...issuer.#metadata(), ...metadata },
          "/jwks": jwks,
        };
        const document = documents[url ?? ""];
        response.writeHead(document ? 200 : 404, { "content-type": "application/json", connection: "close" });
        response.end(JSON.stringify(document ?? {}));
      }),
      privateKey,
    );
    await issuer.up();
    onTestFinished(() => issuer.down());
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async up(): Promise<void> {
    await new Promise<void>((resolve) => this.#http.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#http.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** A token of an hour for `audience`, of one client that all users share; `claims` may say otherwise. */
  token(
    sub: string | undefined,
    audience: URL,
    claims: JWTPayload = {},
    expires: string | number = "1h",
  ): Promise<string> {
    return new SignJWT({ iss: this.url, client_id: "one-client", ...(sub !== undefined && { sub }), ...claims })
      .setProtectedHeader({ alg: "ES256", kid: "one" })
      .setAudience(claims.aud ?? audience.href)
      .setIssuedAt()
      .setExpirationTime(expires)
      .sign(this.#signingKey);
  }

  #metadata(): object {
    return {
      issuer: this.url,
      authorization_endpoint: `${this.url}/authorize`,
      token_endpoint: `${this.url}/token`,
      response_types_supported: ["code"],
      jwks_uri: `${this.url}/jwks`,
    };
  }
}
