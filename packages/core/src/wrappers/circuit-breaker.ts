/** Spares a backend that fails, and the callers that would wait for it. */
import type { Call, MaybePromise } from "../driver/driver.ts";
import { around, defineLayer, type Layer } from "../driver/layer.ts";
import { observed } from "../driver/observe.ts";
import { InvalidArgumentError, KeyValueError, StoreUnavailableError } from "../errors.ts";
import { timeoutOf } from "../record.ts";
import { callHook, checkOptions, countOf, functionOf, shareOf } from "./options.ts";

/** `closed`: all pass. `open`: none. `half-open`: a few, by which it is seen whether the backend is back. */
export type CircuitState = "closed" | "open" | "half-open";

export interface CircuitEvent {
  readonly state: CircuitState;
  readonly previous: CircuitState;
  /** Why it opened. */
  readonly reason?: "failures" | "slow-calls" | "failed-probe" | undefined;
}

export interface CircuitBreakerOptions {
  /** The time over which shares are taken. Default: 10 s. */
  readonly window?: number | string;
  /** How many exchanges the window must hold before it is judged. Default: 20. */
  readonly minCalls?: number;
  /** The share of failed exchanges that opens it. Default: 0.5. */
  readonly failureRate?: number;
  /** What takes longer is slow: milliseconds, or a duration. Default: nothing is. */
  readonly slowerThan?: number | string;
  /** The share of slow exchanges that opens it. Default: 0.8. */
  readonly slowRate?: number;
  /** How long it stays open before it lets probes through. Default: 5 s. */
  readonly openFor?: number | string;
  /** How many exchanges pass while it is half open, all of which must succeed to close it. Default: 3. */
  readonly probes?: number;
  /** Told of each change of the state. What it throws is ignored. */
  readonly onStateChange?: (event: CircuitEvent) => void;
}

export interface CircuitBreaker extends Layer {
  readonly state: CircuitState;
}

/** The window consists of so many parts, the oldest of which goes when a new one begins. */
const PARTS = 10;

/**
 * Opens where too large a share of the exchanges of the last seconds failed by an outage (`TIMEOUT`, `UNAVAILABLE`; no
 * other error says anything of the backend's health) or were slow. While open, calls fail at once with
 * `StoreUnavailableError` and the outcome `"not-applied"`. Put on several stores, the same layer opens for all of them.
 * @throws InvalidArgumentError
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): CircuitBreaker {
  checkOptions(options, "circuitBreaker");
  const window = new Window(timeoutOf(options.window ?? "10s"));
  const minCalls = countOf(options.minCalls ?? 20, "minCalls", 1);
  const failureRate = rateOf(options.failureRate ?? 0.5, "failureRate");
  const slowerThan = options.slowerThan === undefined ? Number.POSITIVE_INFINITY : timeoutOf(options.slowerThan);
  const slowRate = rateOf(options.slowRate ?? 0.8, "slowRate");
  const openFor = timeoutOf(options.openFor ?? "5s");
  const probes = countOf(options.probes ?? 3, "probes", 1);
  const onStateChange = functionOf(options.onStateChange, "onStateChange");

  let state: CircuitState = "closed";
  /** Of the state; what ends after its state says nothing of the present one. */
  let generation = 0;
  let probeAt = 0;
  let probing = 0;
  let proved = 0;

  function become(next: CircuitState, reason?: CircuitEvent["reason"]): void {
    const previous = state;
    state = next;
    generation++;
    probing = proved = 0;
    window.clear();
    if (next === "open") probeAt = performance.now() + openFor;
    callHook(onStateChange, { state: next, previous, ...(reason && { reason }) });
  }

  function judge(now: number): void {
    const { calls, failures, slow } = window.sums(now);
    if (calls < minCalls) return;
    if (failures >= failureRate * calls) become("open", "failures");
    else if (slow >= slowRate * calls) become("open", "slow-calls");
  }

  function ended(begun: number, began: number, error: KeyValueError | undefined, answer: unknown): void {
    if (begun !== generation) return;
    const now = performance.now();
    const slow = now - began > slowerThan;
    const failed = error ? error.retryable : isOutage(answer);
    if (state === "closed") {
      // What its caller gave up says nothing, unless it had taken too long already.
      if (error?.code === "ABORTED" && !slow) return;
      window.add(now, failed, slow);
      if (failed || slow) judge(now);
      return;
    }
    probing--;
    if (failed || slow) become("open", "failed-probe");
    else if (error?.code !== "ABORTED" && ++proved >= probes) become("closed");
  }

  function pass<T>(call: Call, exchange: (call: Call) => MaybePromise<T>): MaybePromise<T> {
    const began = performance.now();
    if (state === "open" && began >= probeAt) become("half-open");
    if (state === "open" || (state === "half-open" && probing + proved >= probes)) {
      throw new StoreUnavailableError("the circuit breaker is open", { outcome: "not-applied" });
    }
    if (state === "half-open") probing++;
    const begun = generation;
    return observed(call, exchange, (error, answer) => ended(begun, began, error, answer));
  }

  const layer = defineLayer("circuitBreaker", (inner) => around(inner, (_, call, exchange) => pass(call, exchange)));
  return {
    ...layer,
    get state() {
      return state;
    },
  };
}

function rateOf(given: unknown, name: string): number {
  const rate = shareOf(given, name);
  if (rate === 0) throw new InvalidArgumentError(`${name} must be more than 0`);
  return rate;
}

/** Whether at least half of a batch failed by an outage. */
function isOutage(answer: unknown): boolean {
  if (!Array.isArray(answer)) return false;
  const failed = answer.filter((one) => one instanceof KeyValueError && one.retryable).length;
  return failed > 0 && failed * 2 >= answer.length;
}

interface Part {
  /** Which part of all time it counts. */
  at: number;
  calls: number;
  failures: number;
  slow: number;
}

/** Counts over the last so many milliseconds. */
class Window {
  readonly #length: number;
  readonly #parts: readonly Part[] = Array.from({ length: PARTS }, () => ({ at: -1, calls: 0, failures: 0, slow: 0 }));

  constructor(milliseconds: number) {
    this.#length = milliseconds / PARTS;
  }

  add(now: number, failed: boolean, slow: boolean): void {
    const at = Math.floor(now / this.#length);
    const part = this.#parts[at % PARTS] as Part;
    if (part.at !== at) {
      part.at = at;
      part.calls = part.failures = part.slow = 0;
    }
    part.calls++;
    if (failed) part.failures++;
    if (slow) part.slow++;
  }

  sums(now: number): Omit<Part, "at"> {
    const oldest = Math.floor(now / this.#length) - PARTS;
    const sums = { calls: 0, failures: 0, slow: 0 };
    for (const { at, calls, failures, slow } of this.#parts) {
      if (at <= oldest) continue;
      sums.calls += calls;
      sums.failures += failures;
      sums.slow += slow;
    }
    return sums;
  }

  clear(): void {
    for (const part of this.#parts) part.at = -1;
  }
}
