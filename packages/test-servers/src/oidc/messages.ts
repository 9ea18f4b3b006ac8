// What the authorization server's process and its parent tell each other.
import type { JWK } from "oidc-provider";

/** Everything that must stay the same over a restart. */
export interface Settings {
  /** 0: any free one. */
  readonly port: number;
  /** The URL of the MCP server that access tokens are for. */
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly accessTokenSeconds: number;
  readonly machine: { readonly clientId: string; readonly clientSecret: string } | undefined;
  readonly jwks: { readonly keys: JWK[] };
  readonly cookieKey: string;
  /** Where its state is kept. */
  readonly file: string;
}

/** How often each thing has happened since this process of it was started. */
export interface Counts {
  readonly registrations: number;
  /** Requests that reached the token endpoint, those that were held or made to fail too. */
  readonly tokenRequests: number;
  /** Grants that were refused. */
  readonly refusals: number;
  readonly logins: number;
  readonly machineLogins: number;
  readonly refreshes: number;
}

export type Command =
  | { readonly type: "start"; readonly settings: Settings }
  /** Token requests wait from now on. */
  | { readonly type: "hold" }
  /** Those that wait go on, and later ones do not wait. */
  | { readonly type: "release" }
  /** The next token requests are answered with 503. */
  | { readonly type: "fail"; readonly times: number }
  | { readonly type: "count" };

export type Report =
  | { readonly type: "ready"; readonly port: number }
  | { readonly type: "held" }
  | { readonly type: "done" }
  | { readonly type: "counts"; readonly counts: Counts };
