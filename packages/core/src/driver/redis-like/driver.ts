/** A driver of Redis or Valkey over any client library: the stored format and the commands. */
import type { Capabilities } from "../../capabilities.ts";
import { CorruptRecordError, InvalidArgumentError, KeyValueError } from "../../errors.ts";
import type { Revision } from "../../record.ts";
import {
  type Call,
  type Cursor,
  type Driver,
  isLive,
  type Listed,
  type MaybePromise,
  type Page,
  type RecordId,
  type Report,
  type Scope,
  type Settled,
  type StoredRecord,
  type SwapResult,
  type WriteRequest,
} from "../driver.ts";
import { foreignRevision, type InexactNumbers } from "../envelope.ts";
import { settled } from "../layer.ts";
import { SWAPPED } from "./comparing.ts";
import { Enumeration } from "./enumeration.ts";
import type { Command, Link } from "./link.ts";
import { readStrictly } from "./reading.ts";
import { decode, encode, expiryArguments, nameOf, RECORD_BYTES, ttlOf } from "./records.ts";
import { Replies } from "./replies.ts";
import { abandoned, DELETE, run, runEach, TAKE } from "./scripts.ts";
import { Swaps } from "./swaps.ts";

const CAPABILITIES = {
  write: true,
  atomic: true,
  enumerate: true,
  clear: true,
  durable: true,
  nativeExpiry: true,
  limits: { recordBytes: RECORD_BYTES, batch: { get: 500, put: 500, delete: 500 } },
} as const satisfies Capabilities;

/**
 * The longest text that goes with others in one MSET, which a server reads as a whole before it begins; it takes no times
 * to live.
 */
const MSET_TEXT = 65_536;

export interface RedisLikeOptions {
  /** Of what other programs wrote: see {@link InexactNumbers}. Default: `"error"`. */
  readonly numbers?: InexactNumbers | undefined;
}

/**
 * Each record is a string under `collection::key`, see `joinNames` and `encodeEnvelope`; the server expires it. Records of
 * another program (Python's) are checked against this process' clock as well, as that program does.
 */
export abstract class RedisLikeDriver implements Driver {
  abstract readonly name: string;
  readonly capabilities: typeof CAPABILITIES = Object.freeze(CAPABILITIES);
  readonly stringifies = true;
  readonly #link: Link;
  readonly #numbers: InexactNumbers;
  readonly #replies: Replies;
  readonly #swaps: Swaps;
  readonly #enumeration: Enumeration;

  /**
   * @param compares whether to find out if the server compares texts by itself
   * @throws InvalidArgumentError
   */
  constructor(link: Link, { numbers = "error" }: RedisLikeOptions, compares = false) {
    if (numbers !== "error" && numbers !== "nearest") {
      throw new InvalidArgumentError('numbers must be "error" or "nearest"');
    }
    this.#link = link;
    this.#numbers = numbers;
    this.#replies = new Replies(() => link.outOfStep());
    this.#swaps = new Swaps(link, this.#replies, compares);
    this.#enumeration = new Enumeration(link, this.#replies, (id, text) => this.#decode(id, text));
  }

  get ready(): boolean {
    return this.#link.ready;
  }

  open(call: Call, report: Report): Promise<void> {
    this.#swaps.reset();
    return this.#link.open(call, report);
  }

  close(): MaybePromise<void> {
    return this.#link.close();
  }

  async ping(call: Call): Promise<void> {
    await this.#link.send(["ping"], call).catch(this.#fail);
  }

  get(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    return this.#link.get(nameOf(id), call).then((reply) => {
      const text = this.#replies.text(reply);
      this.#swaps.remember(text);
      return this.#decode(id, text);
    }, this.#fail);
  }

  put(id: RecordId, record: StoredRecord, call: Call): Promise<void> {
    return this.#link.set(nameOf(id), encode(id, record), ttlOf(record), call).then(this.#replies.ok, this.#fail);
  }

  async delete(id: RecordId, call: Call): Promise<boolean> {
    const [there] = await this.deleteMany([id], call);
    if (there instanceof KeyValueError) throw there;
    return there === true;
  }

  async getMany(ids: readonly RecordId[], call: Call): Promise<readonly Settled<StoredRecord | undefined>[]> {
    const texts = await readStrictly({ link: this.#link, replies: this.#replies, call }, ids.map(nameOf));
    return texts.map((text, at) =>
      text instanceof KeyValueError ? text : settled(() => this.#decode(ids[at] as RecordId, text)),
    );
  }

  async putMany(requests: readonly WriteRequest[], call: Call): Promise<readonly Settled<void>[]> {
    const texts = requests.map(({ id, record }) => settled(() => encode(id, record)));
    const commands: Command[] = [];
    /** Of each request the place of its command; several share one. */
    const places: number[] = [];
    const together: string[] = [];
    for (const [at, { id, record }] of requests.entries()) {
      const text = texts[at];
      if (typeof text !== "string") continue;
      if (this.#link.isCluster || record.expiresAt !== undefined || text.length > MSET_TEXT) {
        places[at] = commands.push(["set", nameOf(id), text, ...expiryArguments(record)]) - 1;
      } else {
        together.push(nameOf(id), text);
      }
    }
    if (together.length > 0) commands.push(["mset", ...together]);
    const replies = commands.length > 0 ? await this.#link.sendAll(commands, call) : [];
    return texts.map((text, at) =>
      typeof text === "string" ? settled(() => this.#replies.ok(replies[places[at] ?? commands.length - 1])) : text,
    );
  }

  async deleteMany(ids: readonly RecordId[], call: Call): Promise<readonly Settled<boolean>[]> {
    const names = ids.map(nameOf);
    const replies = this.#link.isCluster
      ? await runEach(this.#link, DELETE, names, call)
      : this.#replies.list(await run(this.#link, DELETE, names, [], call), ids.length);
    return replies.map((reply, at) =>
      settled(() =>
        this.#wasThere(ids[at] as RecordId, this.#link.isCluster ? this.#replies.list(reply, 1)[0] : reply),
      ),
    );
  }

  async swap(
    id: RecordId,
    expected: Revision | "absent",
    next: StoredRecord | undefined,
    call: Call,
  ): Promise<SwapResult> {
    const text = next && encode(id, next);
    const found = await this.#swaps.swap(id, expected, next, text, call);
    this.#swaps.remember(found === SWAPPED ? text : found);
    if (found === SWAPPED) return { swapped: true };
    const current = this.#decode(id, found);
    if (expected !== "absent" || current || found === null) return { swapped: false, current };
    // Another program's record, expired by this clock, that the server still holds.
    const then = await this.#swaps.swap(id, foreignRevision(found), next, text, call);
    return then === SWAPPED ? { swapped: true } : { swapped: false, current: this.#decode(id, then) };
  }

  async take(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    const parts = [`"collection": ${JSON.stringify(id.collection)}, `, `"key": ${JSON.stringify(id.key)}, "value": `];
    const reply = await run(this.#link, TAKE, [nameOf(id)], parts, call);
    if (reply === null) return undefined;
    const [taken, text] = this.#replies.list(reply, 2);
    if (this.#replies.number(taken) > 0) {
      const record = settled(() => this.#decode(id, this.#replies.text(text)));
      if (!(record instanceof KeyValueError)) return record;
      record.outcome = "unknown";
      throw record;
    }
    let current = this.#decode(id, this.#replies.text(text));
    // Another program's record: it is read before it is deleted.
    while (current) {
      const result = await this.swap(id, current.revision, undefined, call);
      if (result.swapped) return current;
      if (call.ended) throw abandoned();
      current = result.current;
    }
    return undefined;
  }

  list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    options: { readonly values: boolean; readonly cursor: Cursor | undefined },
    call: Call,
  ): Promise<Page<Listed>> {
    return this.#enumeration.list(scope, options, call);
  }

  collections(prefix: string, cursor: Cursor | undefined, call: Call): Promise<Page<string>> {
    return this.#enumeration.collections(prefix, cursor, call);
  }

  clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    return this.#enumeration.clear(scope, cursor, call);
  }

  readonly #fail = (error: unknown): never => {
    throw this.#link.explain(error);
  };

  #decode(id: RecordId, text: string | null): StoredRecord | undefined {
    if (text === null) return undefined;
    const envelope = decode(text, this.#numbers);
    if (envelope.id.key !== id.key || envelope.id.collection !== id.collection) {
      throw new CorruptRecordError("the record that lies there is one of another name");
    }
    return envelope.ours || isLive(envelope.record) ? envelope.record : undefined;
  }

  /** By what the script that deleted it says. */
  #wasThere(id: RecordId, reply: unknown): boolean {
    if (typeof reply !== "string") return this.#replies.number(reply) > 0;
    // What cannot be read was there all the same.
    return settled(() => this.#decode(id, reply)) !== undefined;
  }
}
