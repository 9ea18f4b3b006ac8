/** Who changes a record does so alone: the changes of one name come one after the other, in the order of their coming. */
import type { Key } from "./native.ts";

export class Turns {
  readonly #waiting = new Map<string, (() => void)[]>();

  /** Does it when it is its turn: at once where nobody else changes the name. */
  async take<T>(name: Key, action: () => Promise<T>): Promise<T> {
    // That two names have the same text only makes them wait for each other.
    const text = typeof name === "string" ? name : name.toString("latin1");
    const waiting = this.#waiting.get(text);
    if (waiting) await new Promise<void>((start) => waiting.push(start));
    else this.#waiting.set(text, []);
    try {
      return await action();
    } finally {
      this.#next(text);
    }
  }

  #next(text: string): void {
    const start = this.#waiting.get(text)?.shift();
    if (start) start();
    else this.#waiting.delete(text);
  }
}
