/** One client for as long as the store uses it: what is in flight on it, and whether a server still answers there. */
import { BackendError, type KeyValueError } from "@kv/core";
import { type Call, codeOf, noConnection } from "@kv/core/driver";
import {
  type Db,
  type Document,
  type FindOptions,
  type MongoClient,
  MongoServerError,
  ReadConcern,
  type RunCommandOptions,
  type TopologyDescriptionChangedEvent,
} from "mongodb";
import { explain, type Failure, failureOf, refusal, rootOf } from "./errors.ts";

/** The kinds of servers that take writes. */
const WRITABLE: ReadonlySet<string> = new Set(["Standalone", "RSPrimary", "Mongos", "LoadBalancer"]);

/** How long a client that is closed may take to say goodbye to its server, in milliseconds. */
const GOODBYE = 500;

/** A write is answered once it cannot be lost any more. */
export const DURABLY = { w: "majority" } as const;

/** What was written is read at once. */
const LATEST = new ReadConcern("local");

/** How many documents one reply holds at most, if they are small. */
const REPLY = 1000;

export class Session {
  readonly client: MongoClient;
  readonly #database: Db;
  /** How long a server may be silent; `undefined` where it is not for us to give the client up. */
  readonly #patience: number | undefined;
  readonly #onLost: (error: unknown) => void;
  #fail: (error: KeyValueError) => void = () => {};
  #connected = false;
  /** Of our own client: until when its connecting goes on. */
  #connecting: Promise<unknown> = Promise.resolve();
  /** By when a server must have answered something, since a request has gone out since one last did; 0 while none has. */
  #silentUntil = 0;
  #inFlight = 0;
  #idle: (() => void) | undefined;

  constructor(client: MongoClient, database: string, patience: number | undefined, onLost: (error: unknown) => void) {
    this.client = client;
    // The primary's own and latest data, whatever the client or the server is set to.
    this.#database = client.db(database, { readConcern: LATEST, readPreference: "primary" });
    this.#patience = patience;
    this.#onLost = onLost;
    client.on("topologyDescriptionChanged", this.#onChange);
    client.on("error", this.#onError);
  }

  /** False once no server is known that takes writes, or none has said anything to a request by its deadline. */
  get usable(): boolean {
    return this.#connected && (this.#silentUntil === 0 || performance.now() < this.#silentUntil);
  }

  /** As the user knows it. */
  get server(): string {
    const { srvHost, hosts } = this.client.options;
    return `MongoDB at ${srvHost ?? hosts.map(String).join(",")}`;
  }

  /** Until a server that takes writes has let us in; one failed attempt with each is enough to say that there is none. */
  async connect(call: Call): Promise<void> {
    const { client } = this;
    let failure: unknown;
    let leave = (): void => {};
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
      leave = () => reject(noConnection(this.server, failure, "there was none by the deadline"));
      call.signal.addEventListener("abort", leave);
    });
    const connecting = this.#patience === undefined ? this.run({ ping: 1 }, call) : client.connect();
    this.#connecting = connecting.catch((error: unknown) => {
      failure = error;
    });
    try {
      await Promise.race([connecting, failed]);
      this.#connected = true;
    } catch (error) {
      const explained = explain(error, this.server);
      explained.outcome = "not-applied";
      throw explained;
    } finally {
      call.signal.removeEventListener("abort", leave);
      this.#fail = () => {};
    }
  }

  /** Sends one command, once, and gives the reply. @throws KeyValueError */
  run(command: Document, call: Call, options?: RunCommandOptions): Promise<Document> {
    const timed = { ...command, maxTimeMS: timeLeft(call) };
    return this.#exchange(call, () => this.#database.command(timed, { ...options, signal: call.signal }));
  }

  /** The documents, few and small as a rule, as they came. @throws KeyValueError */
  async findFew(place: string, filter: Document, call: Call): Promise<Buffer[]> {
    const command = { find: place, filter, readConcern: LATEST.toJSON() };
    const { cursor } = await this.run(command, call, { fieldsAsRaw: { firstBatch: true } });
    // One reply holds them all, unless they are so large that the server has kept some back.
    if (String(cursor?.id) !== "0") return this.findMany(place, filter, {}, call);
    const documents: readonly unknown[] = cursor.firstBatch;
    return documents.map(bufferOf);
  }

  /** The documents as they came, however many replies they take. @throws KeyValueError */
  findMany(place: string, filter: Document, options: FindOptions, call: Call): Promise<Buffer[]> {
    const settings = { batchSize: REPLY, ...options, raw: true, maxTimeMS: timeLeft(call), signal: signalOf(call) };
    return this.#exchange(call, async () => {
      const documents: unknown[] = await this.#database.collection(place).find(filter, settings).toArray();
      return documents.map(bufferOf);
    });
  }

  /** As {@link findMany}, of what a pipeline makes, read. */
  aggregate(place: string, pipeline: Document[], call: Call): Promise<Document[]> {
    const settings = { batchSize: REPLY, maxTimeMS: timeLeft(call), signal: signalOf(call) };
    return this.#exchange(call, () => this.#database.collection(place).aggregate(pipeline, settings).toArray());
  }

  /** `n`: documents that were found or inserted. @throws KeyValueError, but not for statements that fail */
  async update(place: string, updates: readonly Document[], call: Call) {
    const command = { update: place, updates, ordered: false, writeConcern: DURABLY };
    const { n, upserted = [], writeErrors = [] } = await this.run(command, call);
    const failures: readonly Failure[] = writeErrors;
    return { n: Number(n), inserted: Number(upserted.length), failures };
  }

  /** Deletes what fits any of the filters, and gives their number. @throws KeyValueError */
  async remove(place: string, filters: readonly Document[], call: Call): Promise<number> {
    const deletes = filters.map((q) => ({ q, limit: 0 }));
    const { n, writeErrors } = await this.run({ delete: place, deletes, ordered: false, writeConcern: DURABLY }, call);
    // Others may have been deleted before.
    if (writeErrors?.[0]) throw failureOf(writeErrors[0]).copy("unknown");
    return Number(n);
  }

  /** The names of all collections that the user may know of; no views. */
  collections(call: Call): Promise<string[]> {
    const settings = { batchSize: REPLY, nameOnly: true, authorizedCollections: true, signal: signalOf(call) } as const;
    return this.#exchange(call, async () => {
      const found = await this.#database.listCollections({ type: "collection" }, settings).toArray();
      return found.map(({ name }) => name);
    });
  }

  /** Done with it: closes a client of our own as soon as nothing is in flight on it. */
  async retire(): Promise<void> {
    if (this.#connected) this.#onLost(undefined);
    this.#connected = false;
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    if (this.#patience !== undefined) {
      await end(this.client);
      // One that was connecting may have come upon a server since.
      await this.#connecting;
      await end(this.client);
    }
    this.client.off("topologyDescriptionChanged", this.#onChange);
    this.client.off("error", this.#onError);
  }

  async #exchange<T>(call: Call, send: () => Promise<T>): Promise<T> {
    if (this.#patience !== undefined && this.#silentUntil === 0) {
      // A little less than a call has by itself, so that one without an answer is enough.
      this.#silentUntil = Math.max(call.deadline, performance.now() + 0.9 * this.#patience);
    }
    this.#inFlight++;
    try {
      const answer = await send();
      this.#silentUntil = 0;
      return answer;
    } catch (error) {
      if (error instanceof MongoServerError) this.#silentUntil = 0;
      throw explain(error, this.server);
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#idle?.();
    }
  }

  readonly #onChange = ({ newDescription }: TopologyDescriptionChangedEvent): void => {
    const servers = [...newDescription.servers.values()];
    if (servers.some(({ type }) => WRITABLE.has(type))) return;
    const cause = rootOf(servers.find(({ error }) => error !== null)?.error);
    if (this.#connected) this.#onLost(cause);
    this.#connected = false;
    if (servers.length > 0 && servers.every(({ error }) => error !== null)) {
      const refused = cause instanceof MongoServerError;
      this.#fail(refused ? refusal(cause) : noConnection(this.server, cause, codeOf(cause) || "it was closed"));
    }
  };

  /** What answers is a server of another age. */
  readonly #onError = (cause: Error): void => {
    this.#fail(new BackendError(`${this.server} is none that the driver can talk to`, { cause }));
  };
}

/** Of a cursor, which listens to its signal beside each of its requests: many of them are too many for that of a call. */
function signalOf({ signal }: Call): AbortSignal {
  return AbortSignal.any([signal]);
}

function timeLeft(call: Call): number {
  return Math.max(1, Math.ceil(call.deadline - performance.now()));
}

function bufferOf(bytes: unknown): Buffer {
  if (bytes instanceof Uint8Array) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  throw new BackendError("the server's answer is none to what was asked");
}

/** Closes a client, also where its server does not answer: for the answer to its goodbye the driver waits without end. */
async function end(client: MongoClient): Promise<void> {
  const timer = setTimeout(() => {
    // What the driver does not show to the outside.
    const topology: unknown = Reflect.get(client, "topology");
    for (const method of ["closeCheckedOutConnections", "close"]) {
      const found: unknown = Reflect.get(Object(topology), method);
      if (typeof found === "function") Reflect.apply(found, topology, []);
    }
  }, GOODBYE);
  try {
    await client.close();
  } finally {
    clearTimeout(timer);
  }
}
