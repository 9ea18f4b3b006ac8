/** The SDK's event store over any kv store: what a client has missed of a stream that broke off, on whichever node. */
import type { Collection, Duration } from "@kv/core";
import { InvalidArgumentError } from "@kv/core";
import { expiryOf, timeoutOf } from "@kv/core/driver";
import type { EventStore } from "@modelcontextprotocol/server";
import { type EncryptedStoreOptions, encryptedStore } from "../../common/encrypted.ts";
import { type Needed, SessionEvents } from "./session-events.ts";

export interface KvEventStoreOptions extends EncryptedStoreOptions<Needed> {
  /** How long an event can be asked for. Default: an hour. */
  readonly ttl?: Duration | undefined;
  /** So many events of a stream are kept, the last ones. Default: 1,000. */
  readonly maxEvents?: number | undefined;
  /** How long to wait for the store, in milliseconds or as a duration such as `"500ms"`. Default: 1 s. */
  readonly timeout?: number | string | undefined;
  /** Told of each failure of the store. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * Events of all sessions. There is no way to one of them but through its session, so that no client can have those of
 * another, whatever id it asks for.
 */
export class KvEventStore {
  readonly #records: Collection<Needed>;
  readonly #options: { readonly ttl: Duration; readonly maxEvents: number; readonly timeout: number };
  readonly #onError: ((error: unknown) => void) | undefined;

  /** @throws InvalidArgumentError, InvalidTtlError, UnsupportedOperationError */
  constructor(options: KvEventStoreOptions) {
    const { ttl = "1h", maxEvents = 1000, timeout = 1000, onError } = options;
    expiryOf({ ttl }, Date.now());
    if (!Number.isSafeInteger(maxEvents) || maxEvents < 1) {
      throw new InvalidArgumentError("maxEvents must be a whole number, at least 1");
    }
    const store = encryptedStore("KvEventStore", options, ["write", "atomic", "durable"]);
    this.#records = store.collection("mcp-events");
    this.#options = { ttl, maxEvents, timeout: timeoutOf(timeout) };
    this.#onError = onError;
  }

  /**
   * The events of one session, for its transport: the same on every node that gives the same id.
   * @throws InvalidArgumentError
   */
  forSession(id: string): EventStore {
    if (typeof id !== "string" || id === "") throw new InvalidArgumentError("a session's id is a string");
    return new SessionEvents(this.#records, id, this.#options, this.#onError);
  }
}
