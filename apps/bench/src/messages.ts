/** What the benchmark and the process of a contender say to each other: one request, then its answer. */
import type { Case } from "./cases.ts";
import type { BackendName, ContenderName } from "./contender.ts";
import type { Data, Size } from "./data.ts";
import type { RoundLength, Sample } from "./measure.ts";

export type Request =
  /** Answers with `able`: whether it can do each of the cases. */
  | {
      readonly do: "open";
      readonly backend: BackendName;
      readonly contender: ContenderName;
      readonly location: string;
      readonly cases: readonly Case[];
      /** The records themselves, for a process that cannot make them. */
      readonly data?: { readonly [size in Size]?: Data };
    }
  /** Prepares the case at this index, and runs it for so many milliseconds. */
  | { readonly do: "warm up"; readonly index: number; readonly milliseconds: number }
  /** So many operations of the case at this index, one after another; before and after it what they need and leave. */
  | { readonly do: "prepare" | "perform" | "clean up"; readonly index: number; readonly count: number }
  | { readonly do: "round"; readonly index: number; readonly length: RoundLength }
  /** Answers with `bytes`: of the heap, for each of 10,000 records. Before it is opened. */
  | {
      readonly do: "weigh";
      readonly backend: BackendName;
      readonly contender: ContenderName;
    }
  /** Deletes what it has put, where others go on with the server, and closes. */
  | { readonly do: "close"; readonly empty: boolean };

export type Answer =
  | { readonly sample?: Sample; readonly able?: readonly boolean[]; readonly bytes?: number }
  /** The stack of what went wrong. */
  | { readonly failed: string };
