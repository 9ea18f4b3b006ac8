/** Records as they are, in one Map for each collection. */
import { InvalidArgumentError, ValueTooLargeError } from "@kv/core";
import type { Cursor, Driver, Listed, Page, RecordId, Scope, StoredRecord, SwapResult } from "@kv/core/driver";
import { ExpiryHeap } from "./expiry-heap.ts";
import { RecencyList } from "./recency-list.ts";
import { sizeOf } from "./size.ts";
import { Slot } from "./slot.ts";

export interface MemoryLimits {
  /** Most records that are kept. Default: no limit. */
  readonly maxEntries?: number | undefined;
  /** About how much memory the records may take, in bytes, by an estimate. Default: no limit. */
  readonly maxBytes?: number | undefined;
}

/** How much one page or sweep does before others have their turn. */
const STEP = 1000;

type Collection = Map<string, Slot>;

export class MemoryDriver implements Driver {
  readonly name = "memory";
  readonly keepsReferences = true;
  readonly capabilities;
  readonly #collections = new Map<string, Collection>();
  readonly #expiring = new ExpiryHeap((slot) => this.#remove(slot));
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  /** Only where there is a bound. */
  readonly #recency: RecencyList | undefined;
  #count = 0;
  #bytes = 0;
  /** Rises with each record that is new under its name, so that an enumeration knows which came after its start. */
  #births = 0;

  /** @throws InvalidArgumentError */
  constructor({ maxEntries, maxBytes }: MemoryLimits = {}) {
    this.#maxEntries = bound(maxEntries, "maxEntries");
    this.#maxBytes = bound(maxBytes, "maxBytes");
    const bounded = maxEntries !== undefined || maxBytes !== undefined;
    if (bounded) this.#recency = new RecencyList();
    this.capabilities = Object.freeze({
      write: true,
      atomic: true,
      enumerate: true,
      clear: true,
      durable: !bounded,
      ...(maxBytes !== undefined && { limits: { recordBytes: maxBytes } }),
    } as const);
  }

  get(id: RecordId): StoredRecord | undefined {
    const slot = this.#collections.get(id.collection)?.get(id.key);
    if (slot !== undefined) this.#recency?.use(slot);
    return slot?.record;
  }

  put(id: RecordId, record: StoredRecord): void {
    const bytes = this.#sizeOf(id, record);
    const slot = this.#collections.get(id.collection)?.get(id.key);
    if (slot === undefined) {
      this.#insert(id, record, bytes);
      return;
    }
    this.#bytes += bytes - slot.bytes;
    slot.bytes = bytes;
    slot.record = record;
    this.#expiring.update(slot);
    if (this.#recency) {
      this.#recency.use(slot);
      this.#evict(this.#recency);
    }
  }

  delete(id: RecordId): boolean {
    return this.take(id) !== undefined;
  }

  take(id: RecordId): StoredRecord | undefined {
    const slot = this.#collections.get(id.collection)?.get(id.key);
    if (slot === undefined) return undefined;
    this.#remove(slot);
    return slot.isLive(Date.now()) ? slot.record : undefined;
  }

  swap(id: RecordId, expected: string, next: StoredRecord | undefined): SwapResult {
    const slot = this.#collections.get(id.collection)?.get(id.key);
    const current = slot?.isLive(Date.now()) ? slot.record : undefined;
    if ((current?.revision ?? "absent") !== expected) return { swapped: false, current };
    if (next) this.put(id, next);
    else if (slot) this.#remove(slot);
    return { swapped: true };
  }

  /** The cursor holds the collection's own iterator, which goes on over what is inserted and removed meanwhile. */
  list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    { values, cursor }: { readonly values: boolean; readonly cursor: Cursor | undefined },
  ): Page<Listed> {
    const walk =
      cursor instanceof Walk ? cursor : new Walk(this.#collections.get(scope.collection)?.values(), this.#births);
    const items: Listed[] = [];
    const now = Date.now();
    for (let step = 0; step < STEP; step++) {
      const slot = walk.next();
      if (slot === undefined) return { items };
      if (!slot.isLive(now) || !slot.key.startsWith(scope.keyPrefix)) continue;
      items.push(values ? { key: slot.key, record: slot.record } : { key: slot.key });
    }
    return { items, next: walk };
  }

  collections(prefix: string): Page<string> {
    const now = Date.now();
    const items: string[] = [];
    for (const [name, collection] of this.#collections) {
      if (name.startsWith(prefix) && anyLive(collection, now)) items.push(name);
    }
    return { items };
  }

  clear(scope: Scope): undefined {
    const keyPrefix = "keyPrefix" in scope ? scope.keyPrefix : "";
    for (const collection of this.#within(scope)) {
      for (const slot of collection.values()) if (slot.key.startsWith(keyPrefix)) this.#remove(slot);
    }
  }

  cull(scope: Scope): undefined {
    const now = Date.now();
    for (const collection of this.#within(scope)) {
      for (const slot of collection.values()) if (!slot.isLive(now)) this.#remove(slot);
    }
  }

  ping(): void {}

  close(): void {
    this.#expiring.stop();
    this.#collections.clear();
  }

  /** Records that are held, expired ones that are not yet reclaimed included. */
  get size(): number {
    return this.#count;
  }

  #within(scope: Scope): Collection[] {
    if ("collection" in scope) return [this.#collections.get(scope.collection) ?? new Map()];
    const inside = [...this.#collections].filter(([name]) => name.startsWith(scope.collectionPrefix));
    return inside.map(([, collection]) => collection);
  }

  /** @throws ValueTooLargeError */
  #sizeOf(id: RecordId, record: StoredRecord): number {
    if (this.#maxBytes === Number.POSITIVE_INFINITY) return 0;
    const bytes = sizeOf(id, record);
    if (bytes > this.#maxBytes) throw new ValueTooLargeError(bytes, this.#maxBytes);
    return bytes;
  }

  #insert({ collection: name, key }: RecordId, record: StoredRecord, bytes: number): void {
    let collection = this.#collections.get(name);
    if (collection === undefined) {
      collection = new Map();
      this.#collections.set(name, collection);
    }
    const slot = new Slot(name, key, record, bytes, ++this.#births);
    collection.set(key, slot);
    this.#count++;
    this.#bytes += bytes;
    if (record.expiresAt !== undefined) this.#expiring.update(slot);
    if (this.#recency) {
      this.#recency.use(slot);
      this.#evict(this.#recency);
    }
  }

  #remove(slot: Slot): void {
    const collection = this.#collections.get(slot.collection);
    if (!collection?.delete(slot.key)) return;
    if (collection.size === 0) this.#collections.delete(slot.collection);
    this.#count--;
    this.#bytes -= slot.bytes;
    this.#expiring.remove(slot);
    this.#recency?.remove(slot);
  }

  #evict(recency: RecencyList): void {
    while (this.#count > this.#maxEntries || this.#bytes > this.#maxBytes) {
      const oldest = recency.leastRecent;
      if (oldest === undefined) return;
      this.#remove(oldest);
    }
  }
}

/** One enumeration: the records that were there at its start and are still. */
class Walk {
  readonly #slots: Iterator<Slot> | undefined;
  readonly #lastBirth: number;

  constructor(slots: Iterator<Slot> | undefined, lastBirth: number) {
    this.#slots = slots;
    this.#lastBirth = lastBirth;
  }

  next(): Slot | undefined {
    const step = this.#slots?.next();
    // A Map keeps the order of insertion: whatever follows is younger still.
    return step === undefined || step.done || step.value.birth > this.#lastBirth ? undefined : step.value;
  }
}

function anyLive(collection: Collection, now: number): boolean {
  for (const slot of collection.values()) if (slot.isLive(now)) return true;
  return false;
}

function bound(given: unknown, name: string): number {
  if (given === undefined) return Number.POSITIVE_INFINITY;
  if (typeof given === "number" && Number.isInteger(given) && given > 0) return given;
  throw new InvalidArgumentError(`${name} must be a whole number greater than 0`);
}
