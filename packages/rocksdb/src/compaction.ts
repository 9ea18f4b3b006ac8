/** Gives back the room of what was deleted when there is need of it; else RocksDB does so some time later, when more is written. */
import { NO_RECORD } from "./format.ts";
import type { Handle } from "./handle.ts";
import type { Room } from "./room.ts";
import type { Writer } from "./writer.ts";

/** Of so many files RocksDB makes one, without what was deleted. */
const FILES = 4;
/** How long after one there is no other: in milliseconds, and in the time that it took. */
const SHORTEST_PAUSE = 1000;
const PAUSE_FACTOR = 10;

export class Compaction {
  readonly #handle: Handle;
  readonly #writer: Writer;
  readonly #room: Room;
  readonly #failed: (error: unknown) => void;
  /** Whether anything was since the last one. */
  #deleted = false;
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(handle: Handle, writer: Writer, room: Room, failed: (error: unknown) => void) {
    this.#handle = handle;
    this.#writer = writer;
    this.#room = room;
    this.#failed = failed;
  }

  /** Something was deleted. */
  noticed(): void {
    this.#deleted = true;
  }

  /** Where it is worth it. */
  start(): void {
    if (!this.#deleted || performance.now() < this.#notBefore || !this.#room.enoughToCompact) return;
    this.#deleted = false;
    this.#notBefore = Number.POSITIVE_INFINITY;
    const begun = performance.now();
    this.#run()
      .catch(this.#failed)
      .finally(() => {
        const now = performance.now();
        this.#notBefore = now + Math.max(SHORTEST_PAUSE, PAUSE_FACTOR * (now - begun));
      });
  }

  /** RocksDB's package cannot ask for it. But when it is opened, RocksDB puts in order what it has in memory: a file more. */
  async #run(): Promise<void> {
    for (let file = 0; file < FILES; file++) {
      const running = await this.#handle.use((database) => database.getProperty("rocksdb.num-running-compactions"));
      // Opening it anew would begin it anew, too.
      if (running !== "0") return;
      // Without anything in memory there is no file.
      await this.#writer.write({ operations: [{ type: "del", key: NO_RECORD }], sync: false }, undefined);
      await this.#handle.renew();
    }
  }
}
