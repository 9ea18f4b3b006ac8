/** Reading by id: as the documents are at that moment, whether searches see them yet or not. */
import { BackendError } from "@kv/core";
import type { Call, Settled } from "@kv/core/driver";
import { sourcesOf } from "./documents.ts";
import { at, listAt, numberAt, textAt } from "./json.ts";
import { explainRefusal, refusalIn } from "./refusals.ts";
import { type Answer, AnswerTooLongError, onceStarted, type Server, unlessRefused } from "./server.ts";
import type { Position } from "./writes.ts";

export interface Document {
  readonly source: unknown;
  readonly position: Position;
  /** The document as it was stored. */
  text(): string;
}

export class Reads {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  /** The documents under the ids, as they are at this moment. */
  async read(
    index: string,
    ids: readonly string[],
    call: Call,
    fields?: readonly string[],
  ): Promise<readonly Settled<Document | undefined>[]> {
    const query = fields ? `?_source_includes=${fields.join(",")}` : "";
    const path = `/${encodeURIComponent(index)}/_mget${query}`;
    let answer: Answer;
    try {
      const ask = () => this.#server.send({ method: "POST", path, body: JSON.stringify({ ids }) }, call);
      const once = async (): Promise<Answer> => {
        const attempt = await ask();
        const starting = listAt(attempt.body, "docs")
          .map(refusalIn)
          .find((refusal) => refusal?.starting);
        if (starting) throw starting;
        return attempt;
      };
      answer = await unlessRefused(this.#server.known.has(index) ? ask() : onceStarted(call, once));
    } catch (error) {
      if (!(error instanceof AnswerTooLongError) || ids.length === 1) throw error;
      const half = Math.ceil(ids.length / 2);
      const first = await this.read(index, ids.slice(0, half), call, fields);
      return [...first, ...(await this.read(index, ids.slice(half), call, fields))];
    }
    const documents = listAt(answer.body, "docs");
    let texts: Map<unknown, string> | undefined;
    const textOf = (document: unknown): string => {
      if (!texts) {
        const sources = sourcesOf(answer.text);
        const found = documents.filter((one) => at(one, "_source") !== undefined);
        texts = new Map(found.map((one, nth) => [one, sources[nth] ?? ""]));
      }
      return texts.get(document) ?? "";
    };
    return ids.map((id, nth) => {
      const document = documents[nth];
      if (textAt(document, "_id") !== id) return new BackendError("the answer is not one of Elasticsearch");
      const refusal = refusalIn(document);
      if (refusal) return refusal.noIndex ? undefined : explainRefusal(refusal);
      this.#server.known.add(index);
      if (at(document, "found") !== true) return undefined;
      const position = {
        seqNo: numberAt(document, "_seq_no") ?? -1,
        primaryTerm: numberAt(document, "_primary_term") ?? -1,
      };
      return { source: at(document, "_source"), position, text: () => textOf(document) };
    });
  }
}
