/** The driver of the stores that a cache or a fallback has beside the one under test: the least that a driver can be. */
import { type Driver, isLive, type RecordId, type StoredRecord } from "../driver/driver.ts";

export class SpareDriver implements Driver {
  readonly name = "spare";
  readonly capabilities = Object.freeze({ write: true, atomic: false, enumerate: false, clear: false, durable: true });
  /** As text, so that nothing is shared with what was put. */
  readonly #records = new Map<string, string>();

  get(id: RecordId): StoredRecord | undefined {
    const text = this.#records.get(nameOf(id));
    return text === undefined ? undefined : JSON.parse(text);
  }

  put(id: RecordId, record: StoredRecord): void {
    this.#records.set(nameOf(id), JSON.stringify(record));
  }

  delete(id: RecordId): boolean {
    const record = this.get(id);
    this.#records.delete(nameOf(id));
    return record !== undefined && isLive(record);
  }
}

function nameOf({ collection, key }: RecordId): string {
  return JSON.stringify([collection, key]);
}
