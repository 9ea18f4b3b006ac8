/** A driver of Redis or Valkey over any client library: the stored format, the commands, the scripts. */
import type { Capabilities } from "../../capabilities.ts";
import { AbortedError, asKeyValueError, BackendError, CorruptRecordError, KeyValueError } from "../../errors.ts";
import type { Revision } from "../../record.ts";
import {
  type Call,
  type Cursor,
  type Driver,
  isInScope,
  isLive,
  type Listed,
  type Page,
  type RecordId,
  type Scope,
  type Settled,
  type StoredRecord,
  type SwapResult,
  type WriteRequest,
} from "../driver.ts";
import {
  foreignRevision,
  formatTime,
  type InexactNumbers,
  isForeign,
  revisionPrefix,
  statedName,
} from "../envelope.ts";
import { Comparing, SWAPPED } from "./comparing.ts";
import { patternOf } from "./patterns.ts";
import { decode, encode, expiryArguments, idOf, nameOf, RECORD_BYTES, ttlOf } from "./records.ts";
import { Scan } from "./scan.ts";
import { DELETE, type Script, SWAP, TAKE } from "./scripts.ts";

/** How many names a server looks at in one SCAN: some 100 µs of its time. */
const SCAN_COUNT = "1000";

/** How many records are read at once to see whether they are ours. */
const PAGE = 250;

const CAPABILITIES = {
  write: true,
  atomic: true,
  enumerate: true,
  clear: true,
  durable: true,
  nativeExpiry: true,
  limits: { recordBytes: RECORD_BYTES, batch: { get: 500, put: 500, delete: 500 } },
} as const satisfies Capabilities;

export interface RedisLikeOptions {
  /** Of what other programs wrote: see {@link InexactNumbers}. Default: `"error"`. */
  readonly numbers?: InexactNumbers | undefined;
}

/** What a command is answered with, text as a string; an element of an array may be an error. */
export type CommandReply = string | number | null | readonly CommandReply[] | KeyValueError;

/**
 * Each record is a string under `collection::key`, see `joinNames` and `encodeEnvelope`; the server expires it. Records of
 * another program (Python's) are checked against this process' clock as well, as that program does.
 *
 * A client library adds the connection and four ways to send. Each sends at once and once, and rejects with what
 * {@link explain} then makes an error of.
 */
export abstract class RedisLikeDriver implements Driver {
  abstract readonly name: string;
  readonly capabilities: typeof CAPABILITIES = Object.freeze(CAPABILITIES);
  readonly stringifies = true;
  readonly #numbers: InexactNumbers;
  /** Redis 7 does the most common swap without a script. */
  #setsOrGets = true;
  readonly #comparing = new Comparing();
  readonly #compares: boolean;

  /** @param compares whether to find out if the server compares texts by itself */
  constructor({ numbers = "error" }: RedisLikeOptions, compares = false) {
    this.#numbers = numbers;
    this.#compares = compares;
  }

  protected abstract getText(name: string, call: Call): Promise<unknown>;
  /** SET, with PX where there is a time to live in milliseconds. */
  protected abstract setText(name: string, text: string, ttl: number | undefined, call: Call): Promise<unknown>;
  /** Any command: its name, then its arguments. */
  protected abstract send(command: readonly [string, ...string[]], call: Call): Promise<unknown>;
  /** Several commands in one exchange. Their answers in order, an error in the place of what failed. */
  protected abstract sendAll(
    commands: readonly (readonly [string, ...string[]])[],
    call: Call,
  ): Promise<readonly CommandReply[]>;
  /** The error for what one of the above rejected with. */
  protected abstract explain(error: unknown): KeyValueError;
  /** The server answered with what cannot be an answer: the connection is of no more use. */
  protected abstract outOfStep(): void;

  get(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    return this.getText(nameOf(id), call).then((reply) => {
      const text = this.#textOf(reply);
      this.#comparing.remember(text);
      return this.#decode(id, text);
    }, this.#fail);
  }

  put(id: RecordId, record: StoredRecord, call: Call): Promise<void> {
    return this.setText(nameOf(id), encode(id, record), ttlOf(record), call).then(this.#expectOk, this.#fail);
  }

  async delete(id: RecordId, call: Call): Promise<boolean> {
    const [there] = await this.deleteMany([id], call);
    return there === true;
  }

  async ping(call: Call): Promise<void> {
    await this.send(["ping"], call).catch(this.#fail);
  }

  async getMany(ids: readonly RecordId[], call: Call): Promise<readonly Settled<StoredRecord | undefined>[]> {
    const names = ids.map(nameOf);
    // MGET answers nil for a value of another type as well: what EXISTS counts beyond that has to be looked at.
    const [found, count] = await this.sendAll(
      [
        ["mget", ...names],
        ["exists", ...names],
      ],
      call,
    );
    const texts = this.#textsOf(found, names.length);
    const existing = this.#numberOf(count);
    const missing = texts.flatMap((text, at) => (text === null ? [at] : []));
    const wrong = names.length - missing.length < existing ? await this.#ofOtherType(names, missing, call) : undefined;
    return texts.map((text, at) => wrong?.get(at) ?? settled(() => this.#decode(ids[at] as RecordId, text)));
  }

  async putMany(requests: readonly WriteRequest[], call: Call): Promise<readonly Settled<void>[]> {
    const texts = requests.map(({ id, record }) => settled(() => encode(id, record)));
    const commands = requests.flatMap(({ id, record }, at): (readonly [string, ...string[]])[] => {
      const text = texts[at];
      return typeof text === "string" ? [["set", nameOf(id), text, ...expiryArguments(record)]] : [];
    });
    const replies = commands.length > 0 ? [...(await this.sendAll(commands, call))] : [];
    return texts.map((text) => (typeof text === "string" ? settled(() => this.#expectOk(replies.shift())) : text));
  }

  async deleteMany(ids: readonly RecordId[], call: Call): Promise<readonly Settled<boolean>[]> {
    const replies = this.#listOf(await this.#run(DELETE, ids.map(nameOf), [], call), ids.length);
    return replies.map((reply, at) => {
      if (typeof reply !== "string") return this.#numberOf(reply) > 0;
      const found = settled(() => this.#decode(ids[at] as RecordId, reply));
      // What cannot be read was there all the same.
      return found !== undefined;
    });
  }

  async swap(
    id: RecordId,
    expected: Revision | "absent",
    next: StoredRecord | undefined,
    call: Call,
  ): Promise<SwapResult> {
    const text = next && encode(id, next);
    const found = await this.#swap(id, expected, next, text, call);
    this.#comparing.remember(found === SWAPPED ? text : found);
    if (found === SWAPPED) return { swapped: true };
    const current = this.#decode(id, found);
    if (expected !== "absent" || current || found === null) return { swapped: false, current };
    // Another program's record, expired by this clock, that the server still holds.
    const then = await this.#swap(id, foreignRevision(found), next, text, call);
    return then === SWAPPED ? { swapped: true } : { swapped: false, current: this.#decode(id, then) };
  }

  async take(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    const reply = await this.#run(
      TAKE,
      [nameOf(id)],
      [`"collection": ${JSON.stringify(id.collection)}, `, `"key": ${JSON.stringify(id.key)}, "value": `],
      call,
    );
    if (reply === null) return undefined;
    const [taken, text] = this.#listOf(reply, 2);
    if (this.#numberOf(taken) > 0) {
      const record = settled(() => this.#decode(id, this.#textOf(text)));
      if (!(record instanceof KeyValueError)) return record;
      record.outcome = "unknown";
      throw record;
    }
    let current = this.#decode(id, this.#textOf(text));
    // Another program's record: it is read before it is deleted.
    while (current) {
      const result = await this.swap(id, current.revision, undefined, call);
      if (result.swapped) return current;
      if (call.ended) throw abandoned();
      current = result.current;
    }
    return undefined;
  }

  async list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    options: { readonly values: boolean; readonly cursor: Cursor | undefined },
    call: Call,
  ): Promise<Page<Listed>> {
    const position = Scan.of(options.cursor);
    const seen = position.seen;
    const { found, next } = await this.#step(
      position,
      patternOf(scope),
      (id) => isInScope(id, scope) && !seen.has(id.key),
      call,
    );
    const live = found.filter(({ record }) => record !== undefined);
    // From here to the caller nothing can fail, so that what is marked as seen has been seen.
    for (const { id } of live) seen.add(id.key);
    return {
      items: live.map(({ id, record }) => ({ key: id.key, record: options.values ? record : undefined })),
      next,
    };
  }

  async collections(prefix: string, cursor: Cursor | undefined, call: Call): Promise<Page<string>> {
    const position = Scan.of(cursor);
    const seen = position.seen;
    const scope = { collectionPrefix: prefix };
    const isNew = (id: RecordId): boolean => isInScope(id, scope) && !seen.has(id.collection);
    const { found, next } = await this.#step(position, patternOf(scope), isNew, call);
    const live = found.filter(({ record }) => record !== undefined);
    const items = [...new Set(live.map(({ id }) => id.collection))];
    for (const item of items) seen.add(item);
    return { items, next };
  }

  async clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    const { found, next } = await this.#step(Scan.of(cursor), patternOf(scope), (id) => isInScope(id, scope), call);
    if (found.length > 0) await this.send(["unlink", ...found.map(({ id }) => nameOf(id))], call).catch(this.#fail);
    return next;
  }

  readonly #fail = (error: unknown): never => {
    throw this.explain(error);
  };

  readonly #expectOk = (reply: unknown): void => {
    if (reply !== "OK") throw this.#garbled(reply);
  };

  /** Begins to look at a server anew: it may be another one than before. */
  protected reset(): void {
    this.#setsOrGets = true;
    this.#comparing.reset(this.#compares);
  }

  #decode(id: RecordId, text: string | null): StoredRecord | undefined {
    if (text === null) return undefined;
    const envelope = decode(text, this.#numbers);
    if (envelope.id.key !== id.key || envelope.id.collection !== id.collection) {
      throw new CorruptRecordError("the record that lies there is one of another name");
    }
    return envelope.ours || isLive(envelope.record) ? envelope.record : undefined;
  }

  /** What is there instead, or {@link SWAPPED}. */
  async #swap(
    id: RecordId,
    expected: Revision | "absent",
    next: StoredRecord | undefined,
    text: string | undefined,
    call: Call,
  ): Promise<string | null | typeof SWAPPED> {
    const name = nameOf(id);
    if (expected === "absent" && next && text !== undefined && this.#setsOrGets) {
      try {
        const current = await this.send(["set", name, text, "NX", "GET", ...expiryArguments(next)], call);
        return current === null ? SWAPPED : this.#textOf(current);
      } catch (error) {
        if (!(error instanceof Error && /syntax error/.test(error.message))) throw this.explain(error);
        this.#setsOrGets = false;
      }
    }
    const ttl = next && ttlOf(next);
    const expiry = next?.expiresAt === undefined ? "" : `"expires_at": "${formatTime(next.expiresAt)}", "key": `;
    const timing = ttl === undefined ? [] : ["PX", `${ttl}`];
    const after = (before: string): string[] => [
      text ?? "",
      ...(expiry !== "" && before.includes(expiry) ? ["KEEPTTL"] : timing),
    ];
    const compared = await this.#comparing
      .swap(name, expected, next && after, (command) => this.send(command, call))
      .catch(this.#fail);
    if (compared !== undefined) return compared === SWAPPED ? SWAPPED : this.#textOf(compared);
    if (call.ended) throw abandoned();
    const wanted = expected === "absent" || isForeign(expected) ? expected : revisionPrefix(expected);
    const reply = await this.#run(SWAP, [name], [wanted, text ?? "", `${ttl ?? ""}`, expiry], call);
    const [swapped, current] = Array.isArray(reply) ? reply : [];
    return this.#numberOf(swapped) > 0 ? SWAPPED : this.#textOf(current);
  }

  /** By its hash; by its text only where the server does not know it. */
  async #run(script: Script, names: readonly string[], values: readonly string[], call: Call): Promise<unknown> {
    const rest = [`${names.length}`, ...names, ...values];
    try {
      return await this.send(["evalsha", script.sha, ...rest], call);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw this.explain(error);
      if (call.ended) throw abandoned();
      return await this.send(["eval", script.text, ...rest], call).catch(this.#fail);
    }
  }

  /** The next names of a SCAN that are records of ours and `wanted`; `record` is absent where it has expired. */
  async #step(
    { at, pending, seen }: Scan,
    pattern: string,
    wanted: (id: RecordId) => boolean,
    call: Call,
  ): Promise<{ readonly found: readonly Found[]; readonly next: Scan | undefined }> {
    let ids = pending;
    let after = at;
    if (ids.length === 0 && at !== undefined) {
      const reply = await this.send(["scan", at, "MATCH", pattern, "COUNT", SCAN_COUNT], call).catch(this.#fail);
      const [position, batch] = this.#listOf(reply, 2);
      after = this.#textOf(position) ?? "0";
      if (after === "0") after = undefined;
      ids = [...new Set(this.#listOf(batch))].flatMap((name) => idOf(this.#textOf(name)) ?? []);
      if (call.ended) throw abandoned();
    }
    ids = ids.filter(wanted);
    const chunk = ids.slice(0, PAGE);
    const rest = ids.slice(PAGE);
    const texts = chunk.length > 0 ? await this.send(["mget", ...chunk.map(nameOf)], call).catch(this.#fail) : [];
    const found = this.#textsOf(texts, chunk.length).flatMap((text, index) => {
      const id = chunk[index];
      return text === null || id === undefined ? [] : this.#recognize(id, text);
    });
    if (call.ended) throw abandoned();
    const more = rest.length > 0 || after !== undefined;
    return { found, next: more ? new Scan(after, rest, seen) : undefined };
  }

  /** The record in what lies under a name; nothing where its own names do not lead there. */
  #recognize(id: RecordId, text: string): Found[] {
    const record = settled(() => this.#decode(id, text));
    if (record instanceof CorruptRecordError) {
      const stated = statedName(text);
      if (stated?.collection !== id.collection || stated.key !== id.key) return [];
    }
    return [{ id, record }];
  }

  /** Which of the names hold something that is no string. */
  async #ofOtherType(
    names: readonly string[],
    missing: readonly number[],
    call: Call,
  ): Promise<ReadonlyMap<number, KeyValueError>> {
    if (call.ended) throw abandoned();
    const types = await this.sendAll(
      missing.map((at) => ["type", names[at] as string]),
      call,
    );
    return new Map(
      missing.flatMap((at, index) => {
        const type = types[index];
        if (type === "none" || type === "string") return [];
        const error = new CorruptRecordError("what lies there is of another type than a record");
        return [[at, error]];
      }),
    );
  }

  #textOf(reply: unknown): string | null {
    if (typeof reply === "string" || reply === null) return reply;
    throw this.#garbled(reply);
  }

  #textsOf(reply: unknown, length: number): (string | null)[] {
    return this.#listOf(reply, length).map((text) => this.#textOf(text));
  }

  #listOf(reply: unknown, length?: number): readonly unknown[] {
    if (Array.isArray(reply) && (length === undefined || reply.length === length)) return reply;
    throw this.#garbled(reply);
  }

  /** A number, also where the client was told to give numbers as text. */
  #numberOf(reply: unknown): number {
    const number = typeof reply === "string" && reply !== "" ? Number(reply) : reply;
    if (typeof number === "number" && !Number.isNaN(number)) return number;
    throw this.#garbled(reply);
  }

  /** A reply that no server gives to that request; or the error that is there instead. */
  #garbled(reply: unknown): KeyValueError {
    if (reply instanceof Error) return asKeyValueError(reply);
    this.outOfStep();
    return new BackendError("the server's answer is none to what was asked");
  }
}

interface Found {
  readonly id: RecordId;
  /** Absent where it has expired. */
  readonly record: Settled<StoredRecord> | undefined;
}

function settled<T>(attempt: () => T): Settled<T> {
  try {
    return attempt();
  } catch (error) {
    return asKeyValueError(error);
  }
}

function abandoned(): AbortedError {
  return new AbortedError("the call had ended before its last request");
}
