/** Who changes a record does so alone: the changes of one name come one after the other, in the order of their coming. */
import type { Key } from "./native.ts";

export class Turns {
  readonly #waiting = new Map<string, (() => void)[] | undefined>();

  /** Does it when it is its turn: at once where nobody else changes the name. */
  async take<T>(name: Key, action: () => Promise<T>): Promise<T> {
    if (!this.begin(name)) await new Promise<void>((start) => this.#wait(textOf(name), start));
    try {
      return await action();
    } finally {
      this.end(name);
    }
  }

  /** Takes a turn that is free now, until {@link end}. False where it is not. */
  begin(name: Key): boolean {
    const text = textOf(name);
    if (this.#waiting.has(text)) return false;
    // Mostly nobody will.
    this.#waiting.set(text, undefined);
    return true;
  }

  end(name: Key): void {
    const text = textOf(name);
    const start = this.#waiting.get(text)?.shift();
    if (start) start();
    else this.#waiting.delete(text);
  }

  #wait(text: string, start: () => void): void {
    const waiting = this.#waiting.get(text);
    if (waiting) waiting.push(start);
    else this.#waiting.set(text, [start]);
  }
}

/** That two names have the same text only makes them wait for each other. */
function textOf(name: Key): string {
  return typeof name === "string" ? name : name.toString("latin1");
}
