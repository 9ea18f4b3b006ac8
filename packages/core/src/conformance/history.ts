/** What several callers do to one record and are told, and whether a story can be made of it. */
import { KeyValueError } from "../errors.ts";
import type { Collection } from "../store.ts";
import { ConformanceError } from "./assertions.ts";
import { isLinearizable, type RegisterAction, type RegisterOperation } from "./register-checker.ts";

/** What happened to one record, by a clock that ticks at every event. */
export class History {
  readonly #operations: RegisterOperation[] = [];
  #clock = 0;

  /**
   * Does `run` and notes what it was: `told` makes that of the answer. Where it fails, `attempted` may have happened at
   * any time since, unless the error says that it did not; then the error goes on to the caller.
   */
  async note<T>(
    run: () => Promise<T>,
    told: (answer: T) => RegisterAction,
    attempted: RegisterAction | undefined,
  ): Promise<void> {
    const began = this.#clock++;
    try {
      const action = told(await run());
      this.#operations.push({ action, began, ended: this.#clock++ });
    } catch (error) {
      const applied = !(error instanceof KeyValueError && error.outcome === "not-applied");
      if (attempted !== undefined && applied) {
        this.#operations.push({ action: attempted, began, ended: Number.POSITIVE_INFINITY });
      }
      throw error;
    }
  }

  /** Fails where no order of the operations explains what they were told. */
  check(what: string): void {
    if (isLinearizable(this.#operations)) return;
    const lines = this.#operations
      .sort((a, b) => a.began - b.began)
      .map(({ action, began, ended }) => `  ${began}–${ended} ${JSON.stringify(action)}`);
    throw new ConformanceError(`${what}: no order of these calls explains their answers\n${lines.join("\n")}`);
  }
}

/** A read, a write, a deletion or a swap of the record, as `chance` (0 to 1) has it. `value` is not used before. */
export async function act(
  records: Collection<"write" | "atomic">,
  key: string,
  chance: number,
  value: number,
  history: History,
): Promise<void> {
  if (chance < 0.4) {
    const run = () => records.get(key);
    await history.note(run, (found) => ({ type: "read", value: found }), undefined);
  } else if (chance < 0.6) {
    const write = { type: "write", value } as const;
    await history.note(
      () => records.put(key, value),
      () => write,
      write,
    );
  } else if (chance < 0.7) {
    const erase = { type: "write", value: undefined } as const;
    await history.note(
      () => records.delete(key),
      () => erase,
      erase,
    );
  } else if (chance < 0.8) {
    const swap = (swapped: boolean) => ({ type: "swap", expected: undefined, value, swapped }) as const;
    await history.note(
      () => records.putIfAbsent(key, value),
      (revision) => swap(revision !== undefined),
      swap(true),
    );
  } else {
    const entry = await records.getEntry(key);
    if (entry === undefined) return;
    const swap = (swapped: boolean) => ({ type: "swap", expected: entry.value, value, swapped }) as const;
    await history.note(
      () => records.compareAndSwap(key, entry.revision, value),
      (revision) => swap(revision !== undefined),
      swap(true),
    );
  }
}

/** Repeatable, and different enough. */
export function* draws(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}
