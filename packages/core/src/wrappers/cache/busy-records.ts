/** The records that this process reads or writes at the moment. */
import type { RecordId } from "../../driver/driver.ts";
import { recordName } from "../../record.ts";

/** A record with which something is under way. */
export interface Busy {
  readonly name: string;
  users: number;
  writers: number;
  /** Counts the writes that have begun: who sees another number than at first has been overtaken. */
  begun: number;
  /** Copies that are on their way to the near store. */
  filling: number;
}

export class BusyRecords {
  readonly #entries = new Map<string, Busy>();

  isWritten(id: RecordId): boolean {
    return (this.#entries.get(recordName(id))?.writers ?? 0) > 0;
  }

  /** To be followed by {@link leave}. */
  enter(id: RecordId): Busy {
    const name = recordName(id);
    let entry = this.#entries.get(name);
    if (!entry) {
      entry = { name, users: 0, writers: 0, begun: 0, filling: 0 };
      this.#entries.set(name, entry);
    }
    entry.users++;
    return entry;
  }

  leave(entry: Busy): void {
    if (--entry.users === 0) this.#entries.delete(entry.name);
  }
}
