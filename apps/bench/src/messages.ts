/** What the benchmark and the process of a contender say to each other: one request, then its answer. */
import type { Case } from "./cases.ts";
import type { BackendName, ContenderName } from "./contender.ts";
import type { RoundLength, Sample } from "./measure.ts";

export type Request =
  | {
      readonly do: "open";
      readonly backend: BackendName;
      readonly contender: ContenderName;
      readonly location: string;
      readonly cases: readonly Case[];
      /** Of each case, in milliseconds. */
      readonly warmUp: number;
    }
  /** Of the case at this index. */
  | { readonly do: "round"; readonly index: number; readonly length: RoundLength }
  | { readonly do: "close" };

export type Answer =
  | { readonly sample?: Sample }
  /** The stack of what went wrong. */
  | { readonly failed: string };
