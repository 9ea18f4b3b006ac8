/** One run of a handler, whose answer all equal requests that come meanwhile share. */
import type { MaybePromise } from "@kv/core/driver";

export class Flight {
  /** The answer as JSON text; `undefined` where each has to ask for itself. Never rejects. */
  readonly landed: Promise<string | undefined>;
  /** How many wait for it. */
  followers = 0;
  /** How many invalidations this process had asked for when it began. */
  readonly asked: number;
  #land: (text: MaybePromise<string | undefined>) => void = () => {};

  constructor(asked: number) {
    this.asked = asked;
    this.landed = new Promise((resolve) => {
      this.#land = resolve;
    });
  }

  /** The first call counts. What is given must not reject. */
  land(text: MaybePromise<string | undefined>): void {
    this.#land(text);
  }
}
