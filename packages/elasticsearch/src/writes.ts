/** Writing to one index: in as few requests as it takes, and never into one that was made without a mapping. */
import { BackendError, KeyValueError, ValueTooLargeError } from "@kv/core";
import type { Call, Settled } from "@kv/core/driver";
import type { Layout } from "./documents.ts";
import { Indices } from "./indices.ts";
import { at, listAt, numberAt, textAt } from "./json.ts";
import type { Reads } from "./reads.ts";
import { explainRefusal, Refusal } from "./refusals.ts";
import type { Server } from "./server.ts";

/** Where a document was when it was read: a write that names it is done only if it is there still. */
export interface Position {
  readonly seqNo: number;
  readonly primaryTerm: number;
}

export type Write =
  | {
      readonly action: "index" | "create";
      readonly id: string;
      readonly position?: Position | undefined;
      /** The document as text, or why it has none. */
      readonly document: Settled<(layout: Layout) => string>;
    }
  | { readonly action: "delete"; readonly id: string; readonly position?: Position | undefined };

/** `conflict`: another document is there than the write is for. */
export type Written = "done" | "not-found" | "conflict";

/** Elasticsearch itself advises to send no more than some megabytes at a time. */
const GROUP_BYTES = 8 * 1024 * 1024;

/**
 * No mapping has a template of this name: a document whose field `key` is not mapped, so that its type would have to be
 * guessed, is refused. That is how we find out that an index has been deleted and made anew by our very write.
 */
const NO_TEMPLATE = "kv_makes_its_indices_itself";

interface Line {
  readonly write: Write;
  readonly text: string;
  readonly bytes: number;
}

export class Writes {
  readonly #server: Server;
  readonly #indices: Indices;
  readonly #query: string;
  readonly #recordBytes: number;

  constructor(server: Server, reads: Reads, refresh: boolean | "wait_for", recordBytes: number) {
    this.#server = server;
    this.#indices = new Indices(server, reads);
    this.#query = refresh === false ? "" : `?refresh=${refresh}`;
    this.#recordBytes = recordBytes;
  }

  /** What became of each write, an error in the place of what failed. */
  async write(index: string, writes: readonly Write[], call: Call): Promise<readonly Settled<Written>[]> {
    const isNeeded = (write: Write): boolean => write.action !== "delete" && !faultOf(write);
    if (!this.#server.known.has(index) && writes.some(isNeeded)) {
      const failure = await this.#indices.make(index, call);
      if (failure) return writes.map((write) => faultOf(write) ?? failure);
    }
    const results = await this.#bulk(index, writes, "flattened", call);
    const again = async (
      isConcerned: (refusal: Refusal) => boolean,
      layout: Layout,
      prepare?: () => Promise<KeyValueError | undefined>,
    ): Promise<void> => {
      const places = results.flatMap((result, place) =>
        isRefused(result) && isConcerned(result.cause) ? [place] : [],
      );
      if (places.length === 0) return;
      const failure = await prepare?.();
      const some = places.flatMap((place) => writes[place] ?? []);
      const outcomes = failure ? places.map(() => failure) : await this.#bulk(index, some, layout, call);
      for (const [nth, place] of places.entries()) results[place] = outcomes[nth] ?? garbled();
    };
    await again(isUnmapped, "flattened", () => this.#indices.restore(index, call));
    // What an index that indexes values does not take, it takes as text.
    await again(({ status }) => status === 400, "json");
    return results;
  }

  async #bulk(index: string, writes: readonly Write[], layout: Layout, call: Call): Promise<Settled<Written>[]> {
    const lines = writes.map((write) => this.#lineOf(write, layout));
    const results: Settled<Written>[] = lines.map((line) => (line instanceof KeyValueError ? line : "not-found"));
    let failure: KeyValueError | undefined;
    for (const group of groupsOf(lines)) {
      const outcomes =
        failure ??
        (await this.#send(
          index,
          group.map(({ line }) => line),
          call,
        ));
      if (outcomes instanceof KeyValueError) failure ??= outcomes.copy("not-applied");
      for (const [nth, { place }] of group.entries()) {
        results[place] = outcomes instanceof KeyValueError ? outcomes : (outcomes[nth] ?? garbled());
      }
    }
    return results;
  }

  #lineOf(write: Write, layout: Layout): Settled<Line> {
    const { action, id, position } = write;
    const condition = position && { if_seq_no: position.seqNo, if_primary_term: position.primaryTerm };
    const templates = action !== "delete" && { dynamic_templates: { key: NO_TEMPLATE } };
    const head = `${JSON.stringify({ [action]: { _id: id, ...condition, ...templates } })}\n`;
    if (write.action === "delete") return { write, text: head, bytes: Buffer.byteLength(head) };
    if (write.document instanceof KeyValueError) return write.document;
    const document = write.document(layout);
    const bytes = Buffer.byteLength(document);
    // The other layout has been measured before anything was sent.
    if (layout === "json" && bytes > this.#recordBytes) return new ValueTooLargeError(bytes, this.#recordBytes);
    return { write, text: `${head}${document}\n`, bytes: bytes + Buffer.byteLength(head) + 1 };
  }

  /** One request; where the servers take less at a time than we thought, more. */
  async #send(index: string, lines: readonly Line[], call: Call): Promise<Settled<readonly Settled<Written>[]>> {
    const path = `/${encodeURIComponent(index)}/_bulk${this.#query}`;
    try {
      const { body } = await this.#server.send(
        { method: "POST", path, body: lines.map(({ text }) => text).join("") },
        call,
      );
      return listAt(body, "items").map((item, nth) => outcomeOf(lines[nth], item));
    } catch (error) {
      if (!(error instanceof Refusal)) {
        if (error instanceof KeyValueError) return error;
        throw error;
      }
      if (error.status !== 413) return explainRefusal(error);
      const [first] = lines;
      if (lines.length <= 1 && first) return tooLarge(first.bytes);
      const half = Math.ceil(lines.length / 2);
      const outcomes: Settled<Written>[] = [];
      for (const part of [lines.slice(0, half), lines.slice(half)]) {
        const some = await this.#send(index, part, call);
        outcomes.push(...(some instanceof KeyValueError ? part.map(() => some) : some));
      }
      return outcomes;
    }
  }
}

/** Why it cannot be sent. */
function faultOf(write: Write): KeyValueError | undefined {
  return write.action !== "delete" && write.document instanceof KeyValueError ? write.document : undefined;
}

function outcomeOf(line: Line | undefined, item: unknown): Settled<Written> {
  if (!line) return garbled();
  const { action } = line.write;
  const status = numberAt(item, action, "status");
  if (status === undefined) return garbled();
  if (status < 300) return "done";
  if (status === 409) return "conflict";
  const error = at(item, action, "error");
  const refusal = new Refusal(status, error);
  if (action === "delete" && (textAt(item, action, "result") === "not_found" || refusal.noIndex)) return "not-found";
  if (status === 413) return tooLarge(line.bytes);
  return explainRefusal(refusal);
}

/** In groups that one request can carry, with the place of each among all. What could not be encoded is left out. */
function groupsOf(lines: readonly Settled<Line>[]): { readonly place: number; readonly line: Line }[][] {
  const groups: { place: number; line: Line }[][] = [];
  let room = 0;
  for (const [place, line] of lines.entries()) {
    if (line instanceof KeyValueError) continue;
    const group = groups.at(-1);
    if (group && line.bytes <= room) group.push({ place, line });
    else {
      groups.push([{ place, line }]);
      room = GROUP_BYTES;
    }
    room -= line.bytes;
  }
  return groups;
}

function isRefused(result: Settled<Written>): result is KeyValueError & { readonly cause: Refusal } {
  return result instanceof KeyValueError && result.cause instanceof Refusal;
}

/** The index is not there, or was made without a mapping by this very write. */
function isUnmapped(refusal: Refusal): boolean {
  return refusal.noIndex || refusal.says(NO_TEMPLATE);
}

function garbled(): KeyValueError {
  return new BackendError("the answer is not one of Elasticsearch");
}

function tooLarge(bytes: number): KeyValueError {
  const error = new ValueTooLargeError(bytes, bytes - 1);
  error.message = `the servers take no request of ${bytes} bytes`;
  return error;
}
