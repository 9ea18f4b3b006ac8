/** Faults that only a second store on the same data can see. */
import type { Page, RecordId, StoredRecord } from "../../src/driver/index.ts";
import { type Data, MapDriver } from "../support/map-driver.ts";
import { driver, later, type Mutant } from "./mutant.ts";

export const instances: readonly Mutant[] = [
  driver(
    "writes are seen only by the store that wrote",
    ["instances/reads-what-the-other-wrote"],
    class extends MapDriver {
      constructor(_shared: Data) {
        super(new Map());
      }
    },
  ),
  driver(
    "what was read once is remembered, whatever other stores write",
    ["instances/reads-what-the-other-wrote", "instances/deletes"],
    class extends MapDriver {
      readonly #remembered = new Map<string, StoredRecord>();
      override get(id: RecordId): StoredRecord | undefined {
        const record = this.#remembered.get(JSON.stringify(id)) ?? this.live(id);
        if (record) this.#remembered.set(JSON.stringify(id), record);
        return record;
      }
      override store(id: RecordId, record: StoredRecord): void {
        this.#remembered.set(JSON.stringify(id), record);
        super.store(id, record);
      }
      override remove(id: RecordId): void {
        this.#remembered.delete(JSON.stringify(id));
        super.remove(id);
      }
    },
  ),
  driver(
    "only the store that wrote a record knows that it expires",
    ["instances/expires"],
    class extends MapDriver {
      readonly #expiries = new Map<string, number>();
      override store(id: RecordId, record: StoredRecord): void {
        const name = JSON.stringify(id);
        if (record.expiresAt === undefined) this.#expiries.delete(name);
        else this.#expiries.set(name, record.expiresAt);
        super.store(id, { ...record, expiresAt: undefined });
      }
      override find(id: RecordId): StoredRecord | undefined {
        const record = super.find(id);
        return record && { ...record, expiresAt: this.#expiries.get(JSON.stringify(id)) };
      }
    },
  ),
  driver(
    "a timer deletes what another store has overwritten meanwhile",
    ["instances/overwriting-the-expiry"],
    class extends MapDriver {
      readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
      override store(id: RecordId, record: StoredRecord): void {
        const name = JSON.stringify(id);
        clearTimeout(this.#timers.get(name));
        super.store(id, record);
        if (record.expiresAt === undefined || record.expiresAt - Date.now() > 2000) return;
        this.#timers.set(
          name,
          setTimeout(() => this.remove(id), record.expiresAt - Date.now()),
        );
      }
    },
  ),
  driver(
    "a store lists only what it wrote itself",
    ["instances/lists"],
    class extends MapDriver {
      readonly #own = new Set<string>();
      override store(id: RecordId, record: StoredRecord): void {
        this.#own.add(JSON.stringify(id));
        super.store(id, record);
      }
      override list(...all: Parameters<MapDriver["list"]>): Page<{ key: string }> {
        const page = super.list(...all);
        if (page instanceof Promise) throw new TypeError("the list came later");
        const { collection } = all[0];
        return { ...page, items: page.items.filter(({ key }) => this.#own.has(JSON.stringify({ collection, key }))) };
      }
    },
  ),
  driver(
    "a store clears only what it wrote itself",
    ["instances/clears"],
    class extends MapDriver {
      readonly #own = new Set<StoredRecord>();
      override store(id: RecordId, record: StoredRecord): void {
        this.#own.add(record);
        super.store(id, record);
      }
      override clear(...[scope]: Parameters<MapDriver["clear"]>): undefined {
        this.sweep(scope, (record) => this.#own.has(record));
      }
    },
  ),
  driver(
    "deletions are kept to oneself",
    ["instances/deletes"],
    class extends MapDriver {
      readonly #gone = new Set<StoredRecord>();
      override find(id: RecordId): StoredRecord | undefined {
        const record = super.find(id);
        return record && this.#gone.has(record) ? undefined : record;
      }
      override remove(id: RecordId): void {
        const record = super.find(id);
        if (record) this.#gone.add(record);
      }
    },
  ),
  driver(
    "a touch reaches other stores only after a while",
    ["instances/touches"],
    class extends MapDriver {
      override swap(...all: Parameters<MapDriver["swap"]>) {
        const [id, expected, next, call] = all;
        const before = this.live(id);
        if (!next || before?.revision !== expected || next.value !== before.value)
          return super.swap(id, expected, next, call);
        setTimeout(() => this.store(id, next), 60_000).unref();
        return { swapped: true } as const;
      }
    },
  ),
  driver(
    "reads come from a replica that lags behind",
    ["contention/register", "records/resolved-is-stored"],
    class extends MapDriver {
      readonly #replica = new MapDriver();
      override get(id: RecordId): StoredRecord | undefined {
        return this.#replica.live(id);
      }
      override store(id: RecordId, record: StoredRecord): void {
        super.store(id, record);
        void later(2).then(() => this.#replica.store(id, record));
      }
      override remove(id: RecordId): void {
        super.remove(id);
        void later(2).then(() => this.#replica.remove(id));
      }
    },
  ),
];
