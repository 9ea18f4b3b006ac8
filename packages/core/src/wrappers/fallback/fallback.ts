/** A second store for what cannot be read from or written to the first one while that is down. */
import { getMany } from "../../batch.ts";
import { type Capability, requireCapabilities } from "../../capabilities.ts";
import type { Call, Driver, MaybePromise, RecordId, Settled } from "../../driver/driver.ts";
import { defineLayer, forward, type Layer, settle } from "../../driver/layer.ts";
import { InvalidArgumentError, KeyValueError } from "../../errors.ts";
import { timeoutOf } from "../../record.ts";
import { KeyValueStore } from "../../store.ts";
import { checkOptions, functionOf } from "../options.ts";
import { timeout } from "../timeout.ts";
import { type FallbackEvent, Outage, type Replayed } from "./outage.ts";

export interface FallbackOptions {
  /** How long an exchange with the first store may take: less than the calls' own timeout. Default: 1 s. */
  readonly timeout?: number | string | undefined;
  /** Tells which store it was: told whenever the second store answers, and of each record that is replayed. What it throws is ignored. */
  readonly onEvent?: ((event: FallbackEvent) => void) | undefined;
}

export interface Fallback<W extends Capability> extends Layer<"write", W> {
  /**
   * Brings what was written in an outage to the first store; where the second one can `enumerate`, what other processes
   * have left there as well. Each record also goes by itself before the store is next asked for it.
   * Rejects where a store fails: what is left stays where it is.
   */
  replay(): Promise<Replayed>;
}

/**
 * Where the first store is down (`UNAVAILABLE`, `TIMEOUT`; no other error), `put` goes to the second one, unless it may have
 * been applied; so do reads and deletions of what was written there. Of what the second store does not know, nobody can
 * tell whether there is a record: then the error is the first one's. Atomic operations, enumerations and clearing are for
 * the first store alone.
 *
 * A record of an outage replaces what is in the first store by compare-and-swap (where that is `atomic`), unless what is
 * there was created later. The second store is for this alone, is not closed with the first one, and where it is not
 * `durable`, the whole is not.
 * @throws InvalidArgumentError, UnsupportedOperationError where the second store cannot write
 */
export function fallback<C extends Capability>(
  secondary: KeyValueStore<C>,
  options?: FallbackOptions,
): Fallback<"durable" extends C ? never : "durable">;
export function fallback(secondary: KeyValueStore<never>, options: FallbackOptions = {}): Fallback<"durable"> {
  checkOptions(options, "fallback");
  if (!(secondary instanceof KeyValueStore)) throw new InvalidArgumentError("fallback takes a store, to be the second");
  if (!secondary.can("write")) {
    requireCapabilities(secondary.capabilities, ["write"], "the second store of a fallback");
    throw new TypeError("can() and the capabilities of the store contradict each other");
  }
  const bound = timeoutOf(options.timeout ?? "1s");
  const onEvent = functionOf(options.onEvent, "onEvent");
  let outage: Outage | undefined;
  const layer = defineLayer<"write", "durable">(
    "fallback",
    (inner) => {
      if (outage) throw new InvalidArgumentError("a fallback belongs to one store: make another for the next");
      outage = new Outage(timeout(bound).apply(inner), secondary, onEvent);
      return fallen(outage);
    },
    { needs: ["write"], withdraws: secondary.capabilities.durable ? [] : ["durable"] },
  );
  return {
    ...layer,
    async replay() {
      if (!outage) throw new InvalidArgumentError("this fallback is on no store");
      return outage.replayAll(() => new ReplayCall(bound));
    },
  };
}

function fallen(outage: Outage): Driver {
  const { primary } = outage;
  const { putMany, deleteMany, swap, take, list, collections, clear } = forward(primary, {});

  /** From the first store, after what it lacks of these records. */
  const first = async <T>(ids: Iterable<RecordId>, call: Call, exchange: () => MaybePromise<T>): Promise<T> => {
    await outage.settle(ids, call);
    return exchange();
  };

  /** A batch to the first store; its records that failed, each by `otherwise`. */
  async function batch<T>(
    ids: readonly RecordId[],
    call: Call,
    exchange: () => MaybePromise<readonly Settled<T>[]>,
    otherwise: (at: number, failure: KeyValueError) => Promise<T>,
  ): Promise<readonly Settled<T>[]> {
    const whole = await settle(() => first(ids, call, exchange));
    const answers = whole instanceof KeyValueError ? ids.map(() => whole) : whole;
    return Promise.all(
      answers.map((answer, at) => (answer instanceof KeyValueError ? settle(() => otherwise(at, answer)) : answer)),
    );
  }

  const at = <T>(items: readonly T[], index: number): T => items[index] as T;

  return forward(primary, {
    get: (id, call) =>
      first([id], call, () => primary.get(id, call)).catch((error) => outage.read("get", id, call, error)),
    getMany: (ids, call) =>
      batch(
        ids,
        call,
        () => getMany(primary, ids, call),
        (index, failure) => outage.read("getMany", at(ids, index), call, failure),
      ),
    put: (id, record, call) =>
      first([id], call, () => primary.put(id, record, call)).catch((error) =>
        outage.put("put", { id, record }, call, error),
      ),
    putMany:
      putMany &&
      ((requests, call) =>
        batch(
          requests.map(({ id }) => id),
          call,
          () => putMany(requests, call),
          (index, failure) => outage.put("putMany", at(requests, index), call, failure),
        )),
    delete: (id, call) =>
      first([id], call, () => primary.delete(id, call)).catch((error) => outage.delete("delete", id, call, error)),
    deleteMany:
      deleteMany &&
      ((ids, call) =>
        batch(
          ids,
          call,
          () => deleteMany(ids, call),
          (index, failure) => outage.delete("deleteMany", at(ids, index), call, failure),
        )),
    swap: swap && ((id, expected, next, call) => first([id], call, () => swap(id, expected, next, call))),
    take: take && ((id, call) => first([id], call, () => take(id, call))),
    list: list && ((scope, options, call) => first(outage.left, call, () => list(scope, options, call))),
    collections:
      collections && ((prefix, cursor, call) => first(outage.left, call, () => collections(prefix, cursor, call))),
    clear: clear && ((scope, cursor, call) => first(outage.left, call, () => clear(scope, cursor, call))),
  });
}

/** The call of a replay, which is no call of a user's. */
class ReplayCall implements Call {
  readonly operation = "replay";
  readonly deadline: number;
  readonly signal: AbortSignal;

  constructor(milliseconds: number) {
    this.deadline = performance.now() + milliseconds;
    this.signal = AbortSignal.timeout(milliseconds);
  }

  get ended(): boolean {
    return this.signal.aborted;
  }

  markSent(): void {}
}
