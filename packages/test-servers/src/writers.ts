// Writes that go on while something is done to their server, and what became of each.

import { setTimeout as sleep } from "node:timers/promises";

export class Writers {
  /** The keys whose writes were acknowledged, and when, on the clock of `performance.now()`. Each key is its own value. */
  readonly acknowledged = new Map<string, number>();
  /** The keys of writes that are said not to have been applied. */
  readonly refused: string[] = [];
  readonly errors: unknown[] = [];
  #writing = true;
  readonly #work: Promise<unknown>;

  constructor(put: (key: string, value: string) => Promise<unknown>, atOnce = 8) {
    this.#work = Promise.all(Array.from({ length: atOnce }, (_, id) => this.#write(put, id)));
  }

  /** Resolves once so many writes were acknowledged. */
  async acknowledge(count: number): Promise<void> {
    while (this.acknowledged.size < count) await sleep(5);
  }

  /** Resolves once a write has failed. */
  async fail(): Promise<void> {
    while (this.errors.length === 0) await sleep(5);
  }

  /** Resolves when what was under way is done. */
  async stop(): Promise<void> {
    this.#writing = false;
    await this.#work;
  }

  /** The acknowledged writes that are not there, by how long before `moment` they were, in milliseconds. */
  async lost(getMany: (keys: string[]) => Promise<readonly unknown[]>, moment: number): Promise<number[]> {
    const values = await getMany([...this.acknowledged.keys()]);
    return [...this.acknowledged].flatMap(([key, at], index) => (values[index] === key ? [] : [moment - at]));
  }

  async #write(put: (key: string, value: string) => Promise<unknown>, id: number): Promise<void> {
    for (let at = 0; this.#writing; at++) {
      const key = `written-${id}-${at}`;
      try {
        await put(key, key);
        this.acknowledged.set(key, performance.now());
      } catch (error) {
        this.errors.push(error);
        if (error instanceof Error && "outcome" in error && error.outcome === "not-applied") this.refused.push(key);
        await sleep(20);
      }
    }
  }
}
