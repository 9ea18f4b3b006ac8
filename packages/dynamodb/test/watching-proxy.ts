// An HTTP proxy between a store and its server: counts the requests, and answers some of them otherwise.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Answers in the server's place, or with what `forward` gives, which may be given another body; `undefined`: as the server does. */
export type Meddler = (
  operation: string,
  body: string,
  forward: (body: string) => Promise<Answer>,
) => Promise<Answer> | Answer | undefined;

export class WatchingProxy {
  readonly endpoint: string;
  meddle: Meddler | undefined;
  #counts: Record<string, number> = {};
  readonly #listener: Server;

  private constructor(listener: Server, target: string) {
    this.endpoint = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    this.#listener = listener;
    listener.on("request", (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response, target).catch(() => response.destroy());
    });
  }

  static async start(target: string): Promise<WatchingProxy> {
    const listener = createServer({ keepAliveTimeout: 0 }).listen(0, "127.0.0.1");
    await once(listener, "listening");
    return new WatchingProxy(listener, target);
  }

  get port(): number {
    return Number(new URL(this.endpoint).port);
  }

  /** How many of each operation were asked for since this was last asked. */
  since(): Record<string, number> {
    const counts = this.#counts;
    this.#counts = {};
    return counts;
  }

  close(): void {
    this.#listener.close();
    this.#listener.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse, target: string): Promise<void> {
    const operation = String(request.headers["x-amz-target"]).replace(/^.*\./, "");
    this.#counts[operation] = (this.#counts[operation] ?? 0) + 1;
    const body = Buffer.concat(await request.toArray()).toString();
    const { authorization = "" } = request.headers;
    const headers = {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": String(request.headers["x-amz-target"]),
      "x-amz-date": String(request.headers["x-amz-date"]),
      authorization,
    };
    const forward = async (changed: string): Promise<Answer> => {
      const answer = await fetch(target, { method: "POST", headers, body: changed });
      const requestId = answer.headers.get("x-amzn-requestid") ?? "";
      return { status: answer.status, headers: { "x-amzn-requestid": requestId }, body: await answer.text() };
    };
    const answer = await (this.meddle?.(operation, body, forward) ?? forward(body));
    response.writeHead(answer.status, { "content-type": "application/x-amz-json-1.0", ...answer.headers });
    response.end(answer.body);
  }
}

/** As DynamoDB refuses. */
export function refusal(name: string, status = 400, message = "on purpose"): Answer {
  return {
    status,
    headers: { "x-amzn-requestid": "REQUEST" },
    body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message }),
  };
}
