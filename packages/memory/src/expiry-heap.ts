/**
 * The slots that expire, the next one on top, and a timer that reclaims them: a binary heap in which each slot knows its
 * place, so that an overwritten or deleted record leaves nothing behind.
 */
import type { Slot } from "./slot.ts";

/** What setTimeout takes at most. */
const LONGEST_DELAY = 2 ** 31 - 1;
/** How many records one run of the timer reclaims before others have their turn. */
const STEP = 10_000;

export class ExpiryHeap {
  readonly #heap: Slot[] = [];
  readonly #reclaim: (slot: Slot) => void;
  #timer: NodeJS.Timeout | undefined;
  #wakesAt = Number.POSITIVE_INFINITY;

  /** @param reclaim called with each expired slot; takes it out of the heap by {@link remove} */
  constructor(reclaim: (slot: Slot) => void) {
    this.#reclaim = reclaim;
  }

  /** To be called whenever the slot's record has changed. */
  update(slot: Slot): void {
    const { expiresAt } = slot.record;
    if (expiresAt === undefined) {
      this.remove(slot);
      return;
    }
    if (slot.heapIndex === -1) this.#place(slot, this.#heap.length);
    this.#settle(slot);
    if (expiresAt < this.#wakesAt) this.#wake(expiresAt);
  }

  remove(slot: Slot): void {
    const index = slot.heapIndex;
    if (index === -1) return;
    slot.heapIndex = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === slot) return;
    this.#place(last, index);
    this.#settle(last);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#heap.length = 0;
  }

  #wake(moment: number): void {
    clearTimeout(this.#timer);
    this.#wakesAt = moment;
    this.#timer = setTimeout(() => this.#run(), Math.min(LONGEST_DELAY, Math.max(1, moment - Date.now())));
    this.#timer.unref();
  }

  #run(): void {
    const now = Date.now();
    let step = 0;
    let top = this.#heap[0];
    for (; top !== undefined && expiry(top) <= now && step < STEP; top = this.#heap[0], step++) this.#reclaim(top);
    this.#wakesAt = Number.POSITIVE_INFINITY;
    if (top !== undefined) this.#wake(expiry(top));
  }

  /** Moves the slot to where it belongs. */
  #settle(slot: Slot): void {
    const moment = expiry(slot);
    let index = slot.heapIndex;
    for (;;) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above];
      if (index === 0 || parent === undefined || expiry(parent) <= moment) break;
      this.#place(parent, index);
      index = above;
    }
    for (;;) {
      let below = 2 * index + 1;
      let child = this.#heap[below];
      const other = this.#heap[below + 1];
      if (child !== undefined && other !== undefined && expiry(other) < expiry(child)) {
        child = other;
        below++;
      }
      if (child === undefined || expiry(child) >= moment) break;
      this.#place(child, index);
      index = below;
    }
    this.#place(slot, index);
  }

  #place(slot: Slot, index: number): void {
    this.#heap[index] = slot;
    slot.heapIndex = index;
  }
}

function expiry(slot: Slot): number {
  return slot.record.expiresAt ?? Number.POSITIVE_INFINITY;
}
