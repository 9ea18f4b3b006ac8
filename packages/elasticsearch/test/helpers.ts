// What several test files need beside the store: a look at the server that does not go through it.

import { once } from "node:events";
import { createServer, type Server as HttpServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import type { Server } from "@kv/test-servers";

export interface Document {
  readonly _id: string;
  readonly _source: { readonly [field: string]: unknown };
}

/** Asks a server without TLS. */
export class Asker {
  readonly #server: () => Server;

  constructor(server: () => Server) {
    this.#server = server;
  }

  /** The answer's status and text. */
  async request(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const { hostname, port, username, password } = new URL(this.#server().url);
    const login = Buffer.from(`${username}:${decodeURIComponent(password)}`).toString("base64");
    const answer = await fetch(`http://${hostname}:${port}${path}`, {
      method,
      headers: {
        "content-type": path.includes("_bulk") ? "application/x-ndjson" : "application/json",
        ...(username && { authorization: `Basic ${login}` }),
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return { status: answer.status, text: await answer.text() };
  }

  /** The answer, which is none of an error. */
  async ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const { status, text } = await this.request(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path} was answered with ${status}: ${text}`);
    return JSON.parse(text);
  }

  /** The names of all indices that begin with `prefix`. */
  async indices(prefix = "kv"): Promise<string[]> {
    const list = await this.ask("GET", `/_cat/indices/${prefix}*?h=index&format=json&expand_wildcards=open`);
    return Array.isArray(list) ? list.map(({ index }: { index: string }) => index).sort() : [];
  }

  /** Deletes all of them. */
  async deleteIndices(prefix?: string): Promise<void> {
    const names = (await this.indices(prefix)).map(encodeURIComponent);
    // Many at a time, since each request takes ten times as long as an index does; but its first line may have four kilobytes.
    while (names.length > 0) {
      const some = names.splice(0, 1);
      while (names[0] !== undefined && some.join().length + names[0].length < 4000) some.push(...names.splice(0, 1));
      await this.ask("DELETE", `/${some.join()}`);
    }
  }

  /** All documents of an index. */
  async documents(index: string): Promise<Document[]> {
    await this.ask("POST", `/${encodeURIComponent(index)}/_refresh`);
    const answer = await this.ask("GET", `/${encodeURIComponent(index)}/_search?size=1000`);
    return (answer as { hits: { hits: Document[] } }).hits.hits;
  }
}

/** Stands between a store and its server, notes the requests, and answers in the server's place where it is told to. */
export class Between {
  readonly url: string;
  readonly port: number;
  readonly #listener: HttpServer;
  #seen: string[] = [];
  #next: ((request: string) => Answer | "lose" | undefined) | undefined;

  private constructor(listener: HttpServer, port: number, target: number) {
    this.#listener = listener;
    this.port = port;
    this.url = `elasticsearch://127.0.0.1:${port}`;
    listener.on("request", (near, reply) => {
      const path = decodeURIComponent(near.url ?? "");
      // As the README tells them: `_bulk`, `PUT kv-users`.
      const [, endpoint] = /\/(_\w+)(?:\?|$)/.exec(path) ?? [];
      const name = endpoint ?? `${near.method} ${path.slice(1)}`;
      this.#seen.push(name);
      const told = this.#next?.(name);
      const answer = ({ status, body }: Answer): void => {
        reply.writeHead(status, { "x-elastic-product": "Elasticsearch", "content-type": "application/json" });
        reply.end(body);
      };
      if (typeof told === "object" && !told.afterwards) {
        near.resume();
        answer(told);
        return;
      }
      const { method, url, headers } = near;
      const asking = request({ host: "127.0.0.1", port: target, method, path: url, headers }, (far) => {
        if (told !== undefined) {
          far.resume();
          far.on("end", () => (told === "lose" ? near.socket.destroy() : answer(told)));
          return;
        }
        reply.writeHead(far.statusCode ?? 502, far.headers);
        far.pipe(reply);
      });
      asking.on("error", () => near.socket.destroy());
      near.pipe(asking);
    });
  }

  static async start(target: number): Promise<Between> {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    return new Between(listener, (listener.address() as AddressInfo).port, target);
  }

  /** The requests since this was last asked. */
  requests(): string[] {
    return this.#seen.splice(0);
  }

  /** For the requests to come: an answer in place of the server's, or to lose the server's. */
  tell(next: ((request: string) => Answer | "lose" | undefined) | undefined): void {
    this.#next = next;
  }

  /** The answer to the next request of this name is lost, and the connection with it. */
  loseNext(name: string): void {
    this.tell((request) => {
      if (request !== name) return undefined;
      this.tell(undefined);
      return "lose";
    });
  }

  close(): void {
    this.#listener.close();
    this.#listener.closeAllConnections();
  }
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  /** Once the server has done what it was asked. */
  readonly afterwards?: true;
}
