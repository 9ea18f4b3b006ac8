/** One exchange with Elasticsearch: a request, sent once, and its answer or error. */
import type { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { createGunzip, createInflate } from "node:zlib";
import type { Client } from "@elastic/elasticsearch";
import { AbortedError, BackendError, StoreUnavailableError } from "@kv/core";
import type { Call } from "@kv/core/driver";
import { explainFailure, explainRefusal, Refusal } from "./refusals.ts";

export interface Request {
  readonly method: "POST" | "PUT";
  /** With the query. */
  readonly path: string;
  /** JSON; lines of it for `_bulk` and `_msearch`. */
  readonly body: string;
}

export interface Answer {
  readonly body: unknown;
  /** As it came: numbers that JavaScript cannot hold are in here only. */
  readonly text: string;
}

/** More than that would be slow to read, and soon too long for a string. */
const LONGEST_ANSWER = 256 * 1024 * 1024;

/** In milliseconds. */
const LONGEST_PAUSE = 250;

/** The answer would be too long: of a batch, a part of it can be asked for. */
export class AnswerTooLongError extends BackendError {
  constructor() {
    super("the answer is longer than can be read");
  }
}

/** The error of a call for which nobody waits any more, so that its next request is not sent. */
export function abandoned(): AbortedError {
  return new AbortedError("the call had ended before its request was sent", { outcome: "not-applied" });
}

export class Server {
  /** The indices that have been seen to be there, and to serve. */
  readonly known = new Set<string>();
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** @throws KeyValueError, {@link Refusal} */
  async send({ method, path, body }: Request, call: Call): Promise<Answer> {
    if (call.ended) throw abandoned();
    const lines = /\/_(?:bulk|msearch)\b/.test(path);
    let status: number;
    let text: string;
    try {
      const answer = await this.#client.transport.request(
        { method, path, body },
        {
          // Plain media types, which servers of all generations take, whatever the client's own is.
          headers: { accept: "application/json", "content-type": `application/${lines ? "x-ndjson" : "json"}` },
          // The client would parse the answer, and so round its numbers.
          asStream: true,
          meta: true,
          maxRetries: 0,
          signal: call.signal,
        },
      );
      status = answer.statusCode;
      text = await read(answer.body, String(answer.headers["content-encoding"] ?? ""));
    } catch (error) {
      throw explainFailure(error, this.#name);
    }
    const parsed = parse(text);
    if (status >= 400) throw new Refusal(status, parsed);
    if (typeof parsed !== "object" || parsed === null) throw new BackendError("the answer is not one of Elasticsearch");
    return { body: parsed, text };
  }

  /** For messages. */
  get #name(): string {
    const [first, ...others] = this.#client.connectionPool.connections;
    return `Elasticsearch at ${first?.url.host}${others.length > 0 ? " and others" : ""}`;
  }
}

/**
 * Reads, and again while an index is just being made: by another process, or again after it had been deleted. It takes
 * some milliseconds until such an index answers. @throws as {@link Server.send}
 */
export async function onceStarted<T>(call: Call, read: () => Promise<T>): Promise<T> {
  for (let pause = 10; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      return await read();
    } catch (error) {
      const over = performance.now() + pause >= call.deadline;
      if (!(error instanceof Refusal) || !error.starting || over) throw error;
    }
    await setTimeout(pause, undefined, { signal: call.signal }).catch(() => {});
  }
}

/** As {@link Server.send}, but a refusal is an error of the store's. */
export function unlessRefused<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((error: unknown) => {
    throw error instanceof Refusal ? explainRefusal(error) : error;
  });
}

async function read(body: unknown, encoding: string): Promise<string> {
  if (!isStream(body)) throw new BackendError("the client gave no stream");
  const gunzip = encoding.includes("gzip")
    ? createGunzip()
    : encoding.includes("deflate")
      ? createInflate()
      : undefined;
  const plain = gunzip ? body.on("error", (error) => gunzip.destroy(error)).pipe(gunzip) : body;
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of plain) {
      length += chunk.length;
      if (length > LONGEST_ANSWER) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw new StoreUnavailableError("the connection to Elasticsearch was lost before the end of the answer", {
      cause: error,
    });
  }
  if (length > LONGEST_ANSWER) throw new AnswerTooLongError();
  return Buffer.concat(chunks).toString();
}

function isStream(body: unknown): body is Readable {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own error quotes the text.
    return undefined;
  }
}
