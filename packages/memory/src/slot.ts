/** The place of one name: its current record, and where it stands in the expiry heap and the recency list. */
import { isLive, type StoredRecord } from "@kv/core/driver";

export class Slot {
  readonly collection: string;
  readonly key: string;
  record: StoredRecord;
  /** Estimated, 0 where there is no bound on bytes. */
  bytes: number;
  /** When the name came to be, in the order of all of them. */
  readonly birth: number;
  /** Position in the expiry heap, -1 where it is not in it. */
  heapIndex = -1;
  older: Slot | undefined = undefined;
  newer: Slot | undefined = undefined;

  constructor(collection: string, key: string, record: StoredRecord, bytes: number, birth: number) {
    this.collection = collection;
    this.key = key;
    this.record = record;
    this.bytes = bytes;
    this.birth = birth;
  }

  isLive(now: number): boolean {
    return isLive(this.record, now);
  }
}
