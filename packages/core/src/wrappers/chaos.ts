/** Faults on purpose, for tests. */
import { stillWanted } from "../call.ts";
import { type Call, type MaybePromise, type Operation, READS } from "../driver/driver.ts";
import { around, defineLayer, type Layer } from "../driver/layer.ts";
import { pause } from "../driver/observe.ts";
import { StoreUnavailableError } from "../errors.ts";
import { timeoutOf } from "../record.ts";
import { checkOptions, countOf, shareOf } from "./options.ts";

export interface ChaosOptions {
  /** Of the random numbers: the same seed gives the same faults to the same exchanges in the same order. */
  readonly seed: number;
  /** The share of exchanges that are delayed. Default: 0. */
  readonly delayRate?: number;
  /** The longest delay; each is anything up to it. Default: 100 ms. */
  readonly maxDelay?: number | string;
  /** The share of exchanges that fail before the backend sees them. Default: 0. */
  readonly failRate?: number;
  /** The share of exchanges whose answer is lost after they were done, so that nobody can tell. Default: 0. */
  readonly lossRate?: number;
}

/**
 * Delays exchanges, fails them, and loses their answers, by a seed. For tests of what a program does then: not to be put
 * on a store in production.
 * @throws InvalidArgumentError
 */
export function chaos(options: ChaosOptions): Layer {
  checkOptions(options, "chaos");
  const random = randomBySeed(countOf(options.seed, "seed", 0));
  const delayRate = shareOf(options.delayRate ?? 0, "delayRate");
  const maxDelay = timeoutOf(options.maxDelay ?? 100);
  const failRate = shareOf(options.failRate ?? 0, "failRate");
  const lossRate = shareOf(options.lossRate ?? 0, "lossRate");

  function disturb<T>(operation: Operation, call: Call, exchange: (call: Call) => MaybePromise<T>): MaybePromise<T> {
    // Always all four, so that a change of one rate leaves the others' faults where they were.
    const [delayed, share, fails, lost] = [random() < delayRate, random(), random() < failRate, random() < lossRate];
    if (!delayed && !fails && !lost) return exchange(call);
    return disturbed(operation, call, exchange, delayed ? share * maxDelay : 0, fails, lost);
  }

  return defineLayer("chaos", (inner) =>
    around(inner, ({ operation }, call, exchange) => disturb(operation, call, exchange)),
  );
}

async function disturbed<T>(
  operation: Operation,
  call: Call,
  exchange: (call: Call) => MaybePromise<T>,
  delay: number,
  fails: boolean,
  lost: boolean,
): Promise<T> {
  if (delay > 0) await pause(delay, call);
  stillWanted(call);
  if (fails) throw failure(operation, "not-applied");
  const answer = await exchange(call);
  if (lost) throw failure(operation, "unknown");
  return answer;
}

function failure(operation: Operation, outcome: "not-applied" | "unknown"): StoreUnavailableError {
  const message = outcome === "unknown" ? "chaos lost the answer" : "chaos let nothing through";
  return new StoreUnavailableError(message, READS.has(operation) ? {} : { outcome });
}

/** Random numbers from 0 up to 1: mulberry32, by Tommy Ettinger. */
function randomBySeed(seed: number): () => number {
  let state = seed % 2 ** 32;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
