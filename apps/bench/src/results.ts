/** What a run has found, as it is written to a file; and how the rounds become it. */
import type { Case } from "./cases.ts";
import type { BackendName, ContenderName } from "./contender.ts";
import type { Size } from "./data.ts";
import type { ResultsFile } from "./files.ts";
import type { Machine } from "./machine.ts";
import type { Sample } from "./measure.ts";
import type { OperationName } from "./operations.ts";
import type { Settings } from "./options.ts";
import { median, quantile, spread } from "./statistics.ts";
import { targetOf } from "./targets.ts";

export const FORMAT = 4;

export interface Results extends ResultsFile {
  readonly kind: "comparison";
  /** Rises when a field changes its meaning. */
  readonly format: typeof FORMAT;
  readonly seconds: number;
  readonly machine: Machine;
  readonly settings: Settings;
  /** The mean length of the values as JSON, in bytes. */
  readonly meanBytes: { readonly [size in Size]?: number };
  readonly rows: readonly Row[];
  /** In memory. */
  readonly weights: readonly Weight[];
  readonly skipped: readonly Skipped[];
}

/** What could not be measured here, and why: a whole backend, or one contender. */
export interface Skipped {
  readonly backend: BackendName;
  readonly contender?: ContenderName;
  readonly reason: string;
  /** It was there, and the raw driver or kv failed: then so has the run. */
  readonly failed?: true;
}

/** Bytes of the heap for a record of about 100 bytes of JSON, its key included. */
export interface Weight {
  readonly contender: ContenderName;
  readonly bytes: number;
}

/** One case of one contender. */
export interface Row {
  readonly backend: BackendName;
  readonly contender: ContenderName;
  readonly operation: OperationName;
  readonly size: Size;
  readonly concurrency: number;
  /** Operations a second, in the order of the rounds; `null` for those in which it did not take part. */
  readonly rounds: readonly (number | null)[];
  readonly best: number;
  readonly median: number;
  /** (max − min) / median of the rounds. */
  readonly spread: number;
  /** Processor time of its process for one operation, in milliseconds: the median of the rounds. */
  readonly cpu: number;
  /** What half of the operations take at most, in milliseconds: the median of the rounds. */
  readonly p50: number;
  /** The same of 99 in 100. */
  readonly p99: number;
  /** What the server was given for one operation, where it can tell: `1 GET`. */
  readonly commands?: string;
  /** Absent on the raw driver's own rows. */
  readonly share?: Share;
}

/** Speed as a share of the raw driver's. */
export interface Share {
  /** The median of the shares of each round with the raw driver's round beside it. */
  readonly median: number;
  /** Half of the rounds lie between these. */
  readonly quartiles: readonly [number, number];
  /** The best round of one by the best round of the other. */
  readonly best: number;
  /** The raw driver's processor time by this one's: the median over the rounds. Others on the machine blur it least. */
  readonly cpu: number;
  readonly target?: number;
  /** Whether the median reaches the target. */
  readonly met?: boolean;
}

export interface Found {
  readonly name: ContenderName;
  /** By round; `undefined` for those in which it did not take part. None at all: it cannot do this. */
  readonly samples: readonly (Sample | undefined)[];
  readonly commands?: string;
}

/** The rows of one case. */
export function rowsOf(backend: BackendName, one: Case, contenders: readonly Found[]): Row[] {
  const raw = contenders.find(({ name }) => name === "raw")?.samples ?? [];
  return contenders.flatMap(({ name, samples, commands }): Row[] => {
    const taken = samples.filter((sample) => sample !== undefined);
    if (taken.length === 0) return [];
    const speeds = taken.map(speedOf);
    const share =
      name === "raw" ? undefined : shareOf(samples, raw, name === "kv" ? targetOf(backend, one) : undefined);
    return [
      {
        backend,
        contender: name,
        ...one,
        rounds: samples.map((sample) => (sample ? speedOf(sample) : null)),
        best: Math.max(...speeds),
        median: median(speeds),
        spread: spread(speeds),
        cpu: median(taken.map(({ cpu }) => cpu)),
        p50: median(taken.map(({ p50 }) => p50)),
        p99: median(taken.map(({ p99 }) => p99)),
        ...(commands !== undefined && { commands }),
        ...(share && { share }),
      },
    ];
  });
}

/** @returns `undefined` where the raw driver has no such operation */
function shareOf(
  samples: readonly (Sample | undefined)[],
  raw: readonly (Sample | undefined)[],
  target: number | undefined,
): Share | undefined {
  const pairs = samples.flatMap((sample, round) => {
    const beside = raw[round];
    return sample && beside ? [{ sample, beside }] : [];
  });
  if (pairs.length === 0) return undefined;
  const shares = pairs.map(({ sample, beside }) => sample.operationsPerSecond / beside.operationsPerSecond);
  const middle = median(shares);
  return {
    median: middle,
    quartiles: [quantile(shares, 0.25), quantile(shares, 0.75)],
    best:
      Math.max(...pairs.map(({ sample }) => speedOf(sample))) / Math.max(...pairs.map(({ beside }) => speedOf(beside))),
    cpu: median(pairs.map(({ sample, beside }) => beside.cpu / sample.cpu)),
    ...(target !== undefined && { target, met: middle >= target }),
  };
}

function speedOf({ operationsPerSecond }: Sample): number {
  return operationsPerSecond;
}
