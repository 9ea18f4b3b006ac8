// The authorization server as tests hold it: a process of its own that can be killed, restarted, held and made to fail.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JWK } from "oidc-provider";
import { type Child, runNode } from "../children.ts";
import type { Command, Counts, Report, Settings } from "./messages.ts";

export type { Counts };

const isSource = import.meta.url.endsWith(".ts");
const childFile = isSource ? new URL("./child.ts", import.meta.url) : new URL("./child.js", import.meta.url);

export interface AuthorizationServerOptions {
  /** The URL of the MCP server: the audience of access tokens, and the only resource there is. */
  readonly resource: string | URL;
  /** What may be asked for. Default: `mcp`. */
  readonly scopes?: readonly string[];
  /** Lifetime of access tokens. Default: an hour. */
  readonly accessTokenSeconds?: number;
  /** A client that needs no user. */
  readonly machine?: { readonly clientId: string; readonly clientSecret: string };
}

/**
 * oidc-provider on a free port of the loopback interface: dynamic registration of public clients, PKCE, access tokens
 * that are JWTs for the MCP server, refresh tokens that are rotated strictly, and a family of tokens that is revoked
 * where one is used twice. Any login is accepted. What it knows survives a restart.
 */
export async function startAuthorizationServer(options: AuthorizationServerOptions): Promise<AuthorizationServer> {
  const folder = await mkdtemp(join(tmpdir(), "kv-oidc-"));
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const server = new AuthorizationServer(folder, {
    port: 0,
    resource: String(options.resource),
    scopes: options.scopes ?? ["mcp"],
    accessTokenSeconds: options.accessTokenSeconds ?? 3600,
    machine: options.machine,
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), alg: "RS256", use: "sig", kid: "test" } as JWK] },
    cookieKey: randomBytes(32).toString("hex"),
    file: join(folder, "state.json"),
  });
  await server.restart();
  return server;
}

export class AuthorizationServer {
  readonly #folder: string;
  #settings: Settings;
  #child: Child | undefined;

  constructor(folder: string, settings: Settings) {
    this.#folder = folder;
    this.#settings = settings;
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.#settings.port}`;
  }

  /** Where the keys of access tokens are. */
  get jwksUrl(): URL {
    return new URL("/jwks", this.issuer);
  }

  /** Since the last start. */
  async counts(): Promise<Counts> {
    return (await this.#tell({ type: "count" }, "counts")).counts;
  }

  /** Holds token requests back; resolves when the first one is held. */
  async hold(): Promise<{ readonly first: Promise<void> }> {
    const first = this.#reportOf("held").then(() => {});
    await this.#tell({ type: "hold" }, "done");
    return { first };
  }

  async release(): Promise<void> {
    await this.#tell({ type: "release" }, "done");
  }

  /** Answers the next token requests with 503. */
  async failNext(times: number): Promise<void> {
    await this.#tell({ type: "fail", times }, "done");
  }

  /** Ends it by SIGKILL. */
  async kill(): Promise<void> {
    this.#child?.process.kill("SIGKILL");
    await this.#child?.ended;
    this.#child = undefined;
  }

  /** On the same port, with what it knew; from now on with other lifetimes where they are given. */
  async restart(changes: Pick<AuthorizationServerOptions, "accessTokenSeconds"> = {}): Promise<void> {
    await this.kill();
    this.#settings = { ...this.#settings, ...changes };
    // oidc-provider warns of its development forms and of Node.js 20: both are meant so here.
    this.#child = runNode(childFile, [], { quiet: true });
    const { port } = await this.#tell({ type: "start", settings: this.#settings }, "ready");
    this.#settings = { ...this.#settings, port };
  }

  /** Restarts it without what it knew: clients, logins, grants. */
  async forget(): Promise<void> {
    await this.kill();
    await rm(this.#settings.file, { force: true });
    await this.restart();
  }

  /** Kills it and removes what it has left. */
  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #tell<Type extends Report["type"]>(command: Command, answer: Type): Promise<Extract<Report, { type: Type }>> {
    const report = this.#reportOf(answer);
    this.#child?.process.send(command);
    return report;
  }

  #reportOf<Type extends Report["type"]>(type: Type): Promise<Extract<Report, { type: Type }>> {
    if (!this.#child) return Promise.reject(new Error("the authorization server does not run"));
    const { process: child, ended, output } = this.#child;
    return new Promise((resolve, reject) => {
      const listen = (report: Report): void => {
        if (!isOfType(report, type)) return;
        child.off("message", listen);
        resolve(report);
      };
      child.on("message", listen);
      ended.then((how) => reject(new Error(`the authorization server ended: ${how}\n${output()}`)), reject);
    });
  }
}

function isOfType<Type extends Report["type"]>(report: Report, type: Type): report is Extract<Report, { type: Type }> {
  return report.type === type;
}
