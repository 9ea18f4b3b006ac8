/** All slots from the least to the most recently used: a doubly linked list. */
import type { Slot } from "./slot.ts";

export class RecencyList {
  #oldest: Slot | undefined;
  #newest: Slot | undefined;

  get leastRecent(): Slot | undefined {
    return this.#oldest;
  }

  /** Makes it the most recent one; it need not have been in the list. */
  use(slot: Slot): void {
    if (slot === this.#newest) return;
    this.remove(slot);
    slot.older = this.#newest;
    if (this.#newest) this.#newest.newer = slot;
    else this.#oldest = slot;
    this.#newest = slot;
  }

  remove(slot: Slot): void {
    const { older, newer } = slot;
    if (older) older.newer = newer;
    else if (this.#oldest === slot) this.#oldest = newer;
    if (newer) newer.older = older;
    else if (this.#newest === slot) this.#newest = older;
    slot.older = slot.newer = undefined;
  }
}
