/** A complete driver each of whose exchanges waits until the test lets it go, fail or hang. */
import { around, type Call, type Driver } from "@kv/core/driver";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import type { Subject } from "../../src/driver/layer.ts";

export interface Exchange extends Subject {
  readonly call: Call;
  /** Does it now, and answers. */
  proceed(): void;
  /** Answers without doing it. */
  answer(answer: unknown): void;
  fail(error: unknown): void;
}

export class Held {
  /** All exchanges so far. */
  readonly exchanges: Exchange[] = [];
  readonly driver: Driver;
  readonly #untaken: Exchange[] = [];
  readonly #waiting: ((exchange: Exchange) => void)[] = [];

  constructor(inner: Driver = new CompleteDriver()) {
    this.driver = around(
      inner,
      (subject, call, exchange) =>
        new Promise((resolve, reject) => {
          const held: Exchange = {
            ...subject,
            call,
            proceed: () => resolve(exchange(call)),
            answer: (answer) => resolve(answer as never),
            fail: reject,
          };
          this.exchanges.push(held);
          const taker = this.#waiting.shift();
          if (taker) taker(held);
          else this.#untaken.push(held);
        }),
    );
  }

  /** The next exchange that the test has not taken yet. */
  next(): Promise<Exchange> {
    const held = this.#untaken.shift();
    return held ? Promise.resolve(held) : new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** What a promise that must reject rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}

/** All callbacks of promises that are due have run, and those of their promises. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
