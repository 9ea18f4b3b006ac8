/**
 * Finding records without knowing their keys. An index is gone through in the order of its keys, each page a search of its
 * own that begins after the last key of the one before: nothing is held open, and no record is seen twice.
 */
import { BackendError, IncompatibleFormatError } from "@kv/core";
import { type Call, isInScope, isLive, type RecordId, type Scope } from "@kv/core/driver";
import { expiryOf, NAMES_AND_EXPIRY, sourcesOf, statedName } from "./documents.ts";
import { at, listAt, numberAt, textAt } from "./json.ts";
import { fieldOf, fieldPrefixesOf, type Names } from "./names.ts";
import { refresh } from "./refresh.ts";
import { explainRefusal, Refusal, refusalIn } from "./refusals.ts";
import { type Answer, AnswerTooLongError, onceStarted, type Server, unlessRefused } from "./server.ts";
import type { Position } from "./writes.ts";

/** How many documents are looked at in one search, with their values and without. */
const PAGE = { values: 250, names: 1000 } as const;
/** How many indices are asked for in one request. */
const INDICES = { listed: 250, searched: 50 } as const;

/** A record of ours that a search has found. */
export interface Found {
  readonly id: RecordId;
  readonly position: Position;
  readonly source: unknown;
  /** The document as it was stored. */
  text(): string;
}

export interface Wanted {
  readonly index: string;
  readonly scope: Scope;
  /** The last key's field of the page before. */
  readonly after?: string | undefined;
  readonly values?: boolean;
  /** Only what has expired. */
  readonly expired?: boolean;
}

/** A bookmark: the indices that are yet to be gone through, the first one from `after` on. */
export class Progress {
  readonly indices: readonly string[];
  readonly after: string | undefined;

  constructor(indices: readonly string[], after?: string) {
    this.indices = indices;
    this.after = after;
  }
}

export class Searches {
  readonly #server: Server;
  readonly #names: Names;

  constructor(server: Server, names: Names) {
    this.#server = server;
    this.#names = names;
  }

  /** The next records of ours in an index, expired ones too; `next` is absent on the last page. */
  async page(wanted: Wanted, call: Call): Promise<{ readonly found: readonly Found[]; readonly next?: string }> {
    let size: number = wanted.values ? PAGE.values : PAGE.names;
    for (;;) {
      try {
        const answer = await this.#search(wanted, size, call);
        const hits = answer ? hitsOf(answer.body) : [];
        const next = hits.length < size ? undefined : textAt(hits.at(-1), "sort", 0);
        const ours = this.#recognize(wanted.index, hits, answer?.text);
        const found = ours.filter(({ id }) => isInScope(id, wanted.scope));
        return { found, ...(next !== undefined && { next }) };
      } catch (error) {
        if (!(error instanceof AnswerTooLongError) || size === 1) throw error;
        size = Math.ceil(size / 8);
      }
    }
  }

  /** The names of all indices that may hold collections of the scope. */
  async indices(scope: Scope, call: Call): Promise<string[]> {
    if ("collection" in scope) {
      const index = this.#names.indexOf(scope.collection);
      await refresh(this.#server, [index], call);
      return [index];
    }
    const patterns = this.#names.patternsOf(scope.collectionPrefix);
    await refresh(this.#server, patterns, call);
    const pattern = patterns.map(encodeURIComponent).join(",");
    const names: string[] = [];
    let after: unknown;
    do {
      const sources = [{ index: { terms: { field: "_index" } } }];
      const composite = { size: INDICES.listed, sources, ...(after !== undefined && { after }) };
      const body = JSON.stringify({ size: 0, aggs: { indices: { composite } } });
      const path = `/${pattern}/_search?allow_partial_search_results=false`;
      const answer = await unlessRefused(
        onceStarted(call, () => this.#server.send({ method: "POST", path, body }, call)),
      );
      hitsOf(answer.body);
      // Absent where no index matches.
      const buckets = listAt(answer.body, "aggregations", "indices", "buckets");
      for (const bucket of buckets) {
        const name = textAt(bucket, "key", "index");
        if (name !== undefined && this.#mayHold(name, scope)) names.push(name);
      }
      after = buckets.length < INDICES.listed ? undefined : at(answer.body, "aggregations", "indices", "after_key");
    } while (after !== undefined);
    return names;
  }

  /** Of the first of these indices, the collections that hold a live record of ours; and the other indices. */
  async collections(indices: readonly string[], scope: { readonly collectionPrefix: string }, call: Call) {
    const some = indices.slice(0, INDICES.searched);
    const now = new Date().toISOString();
    const lines = some.map((index) => {
      const header = JSON.stringify({ index, allow_partial_search_results: false });
      const filter = this.#filters({ index, scope });
      const query = { bool: { filter, must_not: [{ range: { expires_at: { lte: now } } }] } };
      return `${header}\n${JSON.stringify({ size: 1, _source: NAMES_AND_EXPIRY, query })}\n`;
    });
    const request = { method: "POST", path: "/_msearch", body: lines.join("") } as const;
    const responses = await unlessRefused(
      onceStarted(call, async () => {
        const { body } = await this.#server.send(request, call);
        const refusals = listAt(body, "responses").map(refusalIn);
        const fatal = refusals.find((refusal) => refusal && !refusal.noIndex && refusal.status !== 400);
        if (fatal) throw fatal;
        return listAt(body, "responses");
      }),
    );
    if (responses.length !== some.length) throw new BackendError("the answer is not one of Elasticsearch");
    const names: string[] = [];
    for (const [nth, index] of some.entries()) {
      const refusal = refusalIn(responses[nth]);
      if (refusal?.status === 400) await this.#checkForeign(index, refusal, call);
      const [hit] = refusal ? [] : hitsOf(responses[nth]);
      const [first] = hit === undefined ? [] : this.#recognize(index, [hit]);
      const found = first && isLive({ expiresAt: safeExpiryOf(first.source) }) ? first.id.collection : undefined;
      const name = found ?? (hit === undefined ? undefined : await this.#liveCollection(index, call));
      if (name?.startsWith(scope.collectionPrefix)) names.push(name);
    }
    return { names, rest: indices.slice(some.length) };
  }

  /** Where the first document of an index tells nothing, all have to be looked at. */
  async #liveCollection(index: string, call: Call): Promise<string | undefined> {
    const scope = { collectionPrefix: "" };
    let after: string | undefined;
    do {
      const { found, next } = await this.page({ index, scope, after }, call);
      const live = found.find(({ source }) => isLive({ expiresAt: safeExpiryOf(source) }));
      if (live) return live.id.collection;
      after = next;
    } while (after !== undefined);
    return undefined;
  }

  /** Absent where there is no such index, or nothing in it. */
  async #search(wanted: Wanted, size: number, call: Call): Promise<Answer | undefined> {
    const { index, after, values = false } = wanted;
    const body = JSON.stringify({
      size,
      track_total_hits: false,
      seq_no_primary_term: true,
      _source: values ? true : NAMES_AND_EXPIRY,
      query: { bool: { filter: this.#filters(wanted) } },
      sort: [{ key: "asc" }],
      ...(after !== undefined && { search_after: [after] }),
    });
    const path = `/${encodeURIComponent(index)}/_search?allow_partial_search_results=false`;
    const search = () => this.#server.send({ method: "POST", path, body }, call);
    try {
      const answer = await (this.#server.known.has(index) ? search() : onceStarted(call, search));
      this.#server.known.add(index);
      return answer;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.noIndex) return undefined;
      if (error.status !== 400) throw explainRefusal(error);
      await this.#checkForeign(index, error, call);
      return undefined;
    }
  }

  /**
   * An index that cannot be searched by our fields is another program's, which is none of our business.
   * @throws IncompatibleFormatError where there are records of ours in it all the same
   */
  async #checkForeign(index: string, refusal: Refusal, call: Call): Promise<void> {
    const path = `/${encodeURIComponent(index)}/_search?size=100`;
    const body = JSON.stringify({ _source: NAMES_AND_EXPIRY });
    const answer = await unlessRefused(this.#server.send({ method: "POST", path, body }, call));
    if (this.#recognize(index, hitsOf(answer.body)).length === 0) return;
    throw new IncompatibleFormatError("the index was made without the right mapping, so that it cannot be searched", {
      cause: refusal,
    });
  }

  #filters({ index, scope, expired = false }: Wanted): object[] {
    const collection = "collection" in scope ? scope.collection : this.#names.collectionOf(index);
    const prefix = "collection" in scope ? scope.keyPrefix : "";
    return [
      { exists: { field: "key" } },
      ...(collection === undefined ? [] : [{ term: { collection: fieldOf(collection) } }]),
      ...(prefix === "" ? [] : [{ bool: { should: fieldPrefixesOf(prefix).map((key) => ({ prefix: { key } })) } }]),
      ...(expired ? [{ range: { expires_at: { lte: new Date().toISOString() } } }] : []),
    ];
  }

  #mayHold(index: string, scope: { readonly collectionPrefix: string }): boolean {
    const collection = this.#names.collectionOf(index);
    if (collection === undefined) return true;
    return collection.startsWith(scope.collectionPrefix) && this.#names.indexOf(collection) === index;
  }

  /** The hits that are records of ours: their names lead to where they lie. */
  #recognize(index: string, hits: readonly unknown[], answer = ""): Found[] {
    let texts: readonly string[] | undefined;
    return hits.flatMap((hit, nth): Found[] => {
      const source = at(hit, "_source");
      const id = statedName(source);
      if (!id || !this.#names.liesAt(id, index, textAt(hit, "_id") ?? "")) return [];
      const position = { seqNo: numberAt(hit, "_seq_no") ?? -1, primaryTerm: numberAt(hit, "_primary_term") ?? -1 };
      const text = (): string => {
        texts ??= sourcesOf(answer);
        return texts[nth] ?? "";
      };
      return [{ id, position, source, text }];
    });
  }
}

/** What a search has found. @throws BackendError where it is not the answer to one: that must not look like nothing */
function hitsOf(answer: unknown): readonly unknown[] {
  const hits = at(answer, "hits", "hits");
  if (Array.isArray(hits)) return hits;
  throw new BackendError("the answer is not one of Elasticsearch");
}

/** One that cannot be read counts as live: it is there. */
export function safeExpiryOf(source: unknown): number | undefined {
  try {
    return expiryOf(source);
  } catch {
    return undefined;
  }
}
