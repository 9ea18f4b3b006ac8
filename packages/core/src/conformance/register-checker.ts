/** Whether what several callers saw of one record can be told as a story in which everything happened one by one. */

/** What a caller did to the record, and what it was told. Values are told apart by `===`; `undefined` is no record. */
export type RegisterAction =
  | { readonly type: "read"; readonly value: unknown }
  | { readonly type: "write"; readonly value: unknown }
  /** A conditional write: whether it found `expected`, and so wrote `value`. */
  | { readonly type: "swap"; readonly expected: unknown; readonly value: unknown; readonly swapped: boolean };

export interface RegisterOperation {
  readonly action: RegisterAction;
  /** Of one clock for the whole history, which ticks between any two events. */
  readonly began: number;
  /** `Infinity` where no answer came: it may have happened at any time since, or never. */
  readonly ended: number;
}

/**
 * Whether the history is linearizable: each operation took effect at one moment between its call and its answer. Looks
 * for an order as Wing and Gong do, remembering dead ends (Lowe, "Testing for linearizability", 2017). Meant for
 * histories of some hundred operations of which a dozen overlap.
 */
export function isLinearizable(history: readonly RegisterOperation[], initial: unknown = undefined): boolean {
  const operations = [...history].sort((a, b) => a.began - b.began);
  const deadEnds = new Map<unknown, Set<string>>();
  const done = new Array<boolean>(operations.length).fill(false);

  const search = (first: number, state: unknown): boolean => {
    let from = first;
    while (done[from]) from++;
    if (operations.slice(from).every(({ ended }, at) => done[from + at] || ended === Infinity)) return true;
    const place = placeOf(done, from);
    const seen = deadEnds.get(state) ?? new Set();
    deadEnds.set(state, seen);
    if (seen.has(place)) return false;
    // What began after another one had ended cannot come before it.
    let horizon = Infinity;
    for (let at = from; at < operations.length; at++) {
      const operation = operations[at];
      if (!operation || operation.began > horizon) break;
      if (done[at]) continue;
      horizon = Math.min(horizon, operation.ended);
      const next = after(operation.action, state);
      if (next === "impossible") continue;
      done[at] = true;
      if (search(from, next.state)) return true;
      done[at] = false;
    }
    seen.add(place);
    return false;
  };
  return search(0, initial);
}

function after(action: RegisterAction, state: unknown): { readonly state: unknown } | "impossible" {
  switch (action.type) {
    case "read":
      return action.value === state ? { state } : "impossible";
    case "write":
      return { state: action.value };
    case "swap":
      if (action.swapped !== (action.expected === state)) return "impossible";
      return { state: action.swapped ? action.value : state };
  }
}

/** All before `from` is done, all far behind it is not: only what lies between tells one place from another. */
function placeOf(done: readonly boolean[], from: number): string {
  const last = done.lastIndexOf(true);
  let place = `${from}:`;
  for (let at = from; at <= last; at++) place += done[at] ? "1" : "0";
  return place;
}
