/** A driver that takes records by itself: it has destroyed them before anybody has looked at what they hold. */
import type { RecordId, StoredRecord } from "@kv/core/driver";
import { CompleteDriver } from "../../examples/complete-driver.ts";

export class TakingDriver extends CompleteDriver {
  /** How often it was asked to. */
  takes = 0;

  take(id: RecordId): StoredRecord | undefined {
    this.takes++;
    const record = this.get(id);
    this.delete(id);
    return record;
  }
}
