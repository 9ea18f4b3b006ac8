/** A bound on the exchanges that are under way at a time. */
import { type Call, isPromise, type MaybePromise } from "../driver/driver.ts";
import { around, defineLayer, type Layer } from "../driver/layer.ts";
import { whenCancelled } from "../driver/observe.ts";
import { StoreUnavailableError } from "../errors.ts";
import { checkOptions, countOf } from "./options.ts";

export interface ConcurrencyLimitOptions {
  /** How many exchanges may be under way at a time; a batch is one. */
  readonly max: number;
  /** How many may wait for their turn; what is beyond fails at once. Default: any number, each until its deadline. */
  readonly maxQueued?: number;
}

/**
 * Lets so many exchanges go to the backend at a time; the others wait for their turn in the order of their coming. What
 * leaves the queue at its deadline or by its signal was not sent, and says so by its outcome. Put on several stores, the
 * same layer bounds all of them together.
 * @throws InvalidArgumentError
 */
export function concurrencyLimit(options: ConcurrencyLimitOptions): Layer {
  checkOptions(options, "concurrencyLimit");
  const { maxQueued } = options;
  const max = countOf(options.max, "max", 1);
  const longest = maxQueued === undefined ? Number.POSITIVE_INFINITY : countOf(maxQueued, "maxQueued", 0);
  /** Those whose turn it is not yet; a Set, so that one that leaves does so at no cost. */
  const queue = new Set<() => void>();
  let running = 0;

  function run<T>(call: Call, exchange: (call: Call) => MaybePromise<T>): MaybePromise<T> {
    const answer = exchange(call);
    if (!isPromise(answer)) return answer;
    running++;
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      ignore();
      running--;
      advance();
    };
    // A backend that hangs must not hold its place for ever.
    const ignore = whenCancelled(call, release);
    answer.then(release, release);
    return answer;
  }

  function advance(): void {
    for (const start of queue) {
      if (running >= max) return;
      queue.delete(start);
      start();
    }
  }

  function wait<T>(call: Call, exchange: (call: Call) => MaybePromise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        ignore();
        try {
          resolve(run(call, exchange));
        } catch (error) {
          reject(error);
        }
      };
      const ignore = whenCancelled(call, (error) => {
        queue.delete(start);
        reject(error.copy("not-applied"));
      });
      queue.add(start);
    });
  }

  return defineLayer("concurrencyLimit", (inner) =>
    around(inner, (_, call, exchange) => {
      if (running < max && queue.size === 0) return run(call, exchange);
      if (queue.size < longest) return wait(call, exchange);
      throw new StoreUnavailableError("too many exchanges wait for their turn", { outcome: "not-applied" });
    }),
  );
}
