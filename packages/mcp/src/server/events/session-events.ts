/**
 * The events of one session. A stream is a row of records, numbered without a gap: a number is taken by storing its
 * event, never before, so that a reader who finds no record has found the end. (Numbers from a counter would have gaps
 * while their events are on the way, over which a client would be led.) Beside them lies the stream's head.
 */
import { type Collection, type Duration, InvalidArgumentError, type JsonValue, type Revision } from "@kv/core";
import { expiryOf } from "@kv/core/driver";
import type { EventStore, JSONRPCMessage } from "@modelcontextprotocol/server";
import { lookupKey } from "../../common/lookup-key.ts";
import { isRecord } from "../context.ts";
import { eventIdOf, type Place, placeOf } from "./event-id.ts";

export type Needed = "write" | "atomic" | "durable";

interface Options {
  readonly ttl: Duration;
  readonly maxEvents: number;
  /** In milliseconds. */
  readonly timeout: number;
}

/**
 * The numbers with which the stream began, of the first event that is still kept, and of the last one, after which
 * others may be there already.
 */
type Head = { readonly start: number; readonly first: number; readonly last: number };

/** How many events are read at once, and how many are deleted at once when they are too many. */
const PAGE = 64;

export class SessionEvents implements EventStore {
  readonly #records: Collection<Needed>;
  readonly #sessionId: string;
  readonly #options: Options;
  readonly #onError: ((error: unknown) => void) | undefined;
  /** What is being stored, by stream: the SDK does not wait, and the order is that of its calls. */
  readonly #queues = new Map<string, Promise<unknown>>();
  /** Streams with an event that could not be stored: after it there is nothing more to resume. */
  readonly #broken = new Set<string>();

  constructor(
    records: Collection<Needed>,
    sessionId: string,
    options: Options,
    onError: ((error: unknown) => void) | undefined,
  ) {
    this.#records = records;
    this.#sessionId = sessionId;
    this.#options = options;
    this.#onError = onError;
  }

  /**
   * The event's id; an empty one, which the SDK does not send, where the store fails: the client then gets the message
   * all the same, but cannot resume behind it.
   */
  storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    const before = this.#queues.get(streamId) ?? Promise.resolve();
    const stored = before.then(() => this.#store(streamId, message));
    this.#queues.set(streamId, stored);
    return stored.finally(() => {
      if (this.#queues.get(streamId) === stored) this.#queues.delete(streamId);
    });
  }

  async getStreamIdForEventId(eventId: string): Promise<string | undefined> {
    const place = placeOf(eventId);
    return place && (await this.#headAt(place)) ? place.streamId : undefined;
  }

  /**
   * Sends all that came after, in order, but for what has been trimmed or has expired.
   * @throws InvalidArgumentError before anything is sent, where this session has no such event
   */
  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const place = placeOf(lastEventId);
    const head = place && (await this.#headAt(place));
    if (!head) throw new InvalidArgumentError("this session has no event of this id");
    const { streamId } = place;
    const stream = await this.#nameOf(streamId);
    for (let next = Math.max(place.number + 1, head.first); ; next += PAGE) {
      const numbers = Array.from({ length: PAGE }, (_, index) => next + index);
      const found = await this.#records.getMany(
        numbers.map((number) => keyOf(stream, number)),
        this.#bounds,
      );
      for (const [index, number] of numbers.entries()) {
        const message = found[index];
        if (message === undefined && number > head.last) return streamId;
        if (isMessage(message)) await send(eventIdOf({ streamId, number }), message);
      }
    }
  }

  async #store(streamId: string, message: JSONRPCMessage): Promise<string> {
    if (this.#broken.has(streamId)) return "";
    try {
      return eventIdOf({ streamId, number: await this.#append(streamId, JSON.parse(JSON.stringify(message))) });
    } catch (error) {
      this.#broken.add(streamId);
      this.#failed(error);
      return "";
    }
  }

  #failed(error: unknown): void {
    try {
      this.#onError?.(error);
    } catch {
      // A hook that throws must not take the message with it.
    }
  }

  async #append(streamId: string, message: JsonValue): Promise<number> {
    const { ttl, maxEvents, timeout } = this.#options;
    const stream = await this.#nameOf(streamId);
    for (;;) {
      const entry = await this.#records.getEntry(stream, this.#bounds);
      // A stream that begins anew begins with higher numbers than it ever had, so that old ids lead nowhere.
      const head = asHead(entry?.value) ?? newHead(Date.now());
      const number = head.last + 1;
      const taken = await this.#records.putIfAbsent(keyOf(stream, number), message, { ttl, timeout });
      // Where another node has taken it, the head is to be moved as well: that node may have ended in between.
      const moved = await this.#moveHead(stream, entry?.revision, head, number);
      // Else this process was held up for so long that its place has been trimmed.
      if (taken !== undefined && number >= moved.first) {
        if (number % PAGE === 0) await this.#trim(stream, number - maxEvents);
        return number;
      }
    }
  }

  async #moveHead(stream: string, revision: Revision | undefined, head: Head, number: number): Promise<Head> {
    const { ttl, maxEvents, timeout } = this.#options;
    const moved = ({ start, first, last }: Head): Head => {
      const end = Math.max(last, number);
      return { start, first: Math.max(first, end - maxEvents + 1), last: end };
    };
    const next = moved(head);
    // It outlives the last event, so that no other stream begins while there are some.
    const now = Date.now();
    const expiresAt = 2 * (expiryOf({ ttl }, now) ?? now) - now;
    const options = { expiresAt, timeout };
    const swapped =
      revision === undefined
        ? await this.#records.putIfAbsent(stream, next, options)
        : await this.#records.compareAndSwap(stream, revision, next, options);
    if (swapped !== undefined) return next;
    return moved(
      asHead(await this.#records.update(stream, (current) => moved(asHead(current) ?? head), options)) ?? next,
    );
  }

  /** Deletes the number and what lies before it. */
  async #trim(stream: string, end: number): Promise<void> {
    const keys = Array.from({ length: 2 * PAGE }, (_, back) => keyOf(stream, end - back));
    try {
      await this.#records.deleteMany(keys, this.#bounds);
    } catch (error) {
      // They end by themselves.
      this.#failed(error);
    }
  }

  /** The head of the stream, if it has come to this place. */
  async #headAt({ streamId, number }: Place): Promise<Head | undefined> {
    const stream = await this.#nameOf(streamId);
    const head = asHead(await this.#records.get(stream, this.#bounds));
    if (!head || number < head.start) return undefined;
    if (number <= head.last) return head;
    return (await this.#records.has(keyOf(stream, number), this.#bounds)) ? head : undefined;
  }

  /** The key of the head. The session's id, which lets one in, is in no name. */
  #nameOf(streamId: string): Promise<string> {
    return lookupKey(this.#sessionId, streamId);
  }

  get #bounds() {
    return { timeout: this.#options.timeout };
  }
}

/** Of an event. */
function keyOf(stream: string, number: number): string {
  return `${stream}:${number}`;
}

function newHead(start: number): Head {
  return { start, first: start, last: start - 1 };
}

function asHead(value: JsonValue | undefined): Head | undefined {
  if (!isRecord(value)) return undefined;
  const [start, first, last] = [Number(value.start), Number(value.first), Number(value.last)];
  return [start, first, last].every(Number.isSafeInteger) ? { start, first, last } : undefined;
}

/** The SDK also stores empty messages, whose ids tell clients where a stream begins. */
function isMessage(value: unknown): value is JSONRPCMessage {
  return isRecord(value) && value.jsonrpc === "2.0";
}
