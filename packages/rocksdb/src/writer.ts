/** Writes: those that wait while one is under way go together as the next, and share one flush of the disk. */
import { AbortedError } from "@kv/core";
import type { Call } from "@kv/core/driver";
import { isEarlierFailure } from "./errors.ts";
import type { Handle } from "./handle.ts";
import { type Operation, write } from "./native.ts";
import type { Room } from "./room.ts";

/** What is written as one: all of it or nothing. */
interface Atom {
  readonly operations: readonly Operation[];
  /** Whether it is to be on the disk before it counts as written. */
  readonly sync: boolean;
}

interface Waiting extends Atom {
  /** Nothing is written where it has ended before. */
  readonly call: Call | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What is handed to RocksDB at once, in characters of values; more if one atom has more. */
const BATCH = 4_000_000;

export class Writer {
  readonly #handle: Handle;
  readonly #room: Room;
  #waiting: Waiting[] = [];
  #running = false;
  #failed = false;

  constructor(handle: Handle, room: Room) {
    this.#handle = handle;
    this.#room = room;
  }

  write(atom: Atom, call: Call | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...atom, call, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      // Until all callers that were answered in this turn have had theirs.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      await this.#writeTogether(this.#take());
    }
    this.#running = false;
  }

  #take(): Waiting[] {
    let size = 0;
    const count = this.#waiting.findIndex(({ operations }) => {
      if (size >= BATCH) return true;
      for (const one of operations) size += one.type === "put" ? one.value.length : 0;
      return false;
    });
    return this.#waiting.splice(0, count === -1 ? this.#waiting.length : count);
  }

  async #writeTogether(taken: readonly Waiting[]): Promise<void> {
    const wanted: Waiting[] = [];
    for (const one of taken) {
      if (one.call?.ended) one.reject(new AbortedError("the call ended before its write", { outcome: "not-applied" }));
      else wanted.push(one);
    }
    if (wanted.length === 0) return;
    const operations =
      wanted.length === 1 && wanted[0] ? wanted[0].operations : wanted.flatMap((one) => one.operations);
    const sync = wanted.some((one) => one.sync);
    try {
      if (this.#failed) await this.#recover();
      await this.#send(operations, sync).catch(async (error: unknown) => {
        if (!isEarlierFailure(error)) throw error;
        await this.#recover();
        await this.#send(operations, sync);
      });
      for (const { resolve } of wanted) resolve();
    } catch (error) {
      for (const { reject } of wanted) reject(error);
    }
  }

  #send(operations: readonly Operation[], sync: boolean): Promise<void> {
    return this.#handle.use(async (database) => {
      // What fails may have left half of itself in RocksDB's log, where it would hide all that is written after it.
      this.#failed = true;
      await write(database, operations, sync);
      this.#failed = false;
    });
  }

  /** Opening reads the log up to where it is whole, and begins a new one. */
  async #recover(): Promise<void> {
    // With too little room it could not be opened again, not even for reading.
    await this.#room.probe();
    await this.#handle.renew();
    this.#failed = false;
  }
}
