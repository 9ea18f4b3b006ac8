/** What a run has found, as it is written to a file; and how the rounds become it. */
import { type Case, targetOf } from "./cases.ts";
import type { BackendName, ContenderName } from "./contender.ts";
import type { Size } from "./data.ts";
import type { Sample } from "./measure.ts";
import type { Operation } from "./operations.ts";
import type { Settings } from "./options.ts";
import { median, quantile, spread } from "./statistics.ts";

export interface Results {
  /** Rises when a field changes its meaning. */
  readonly format: 1;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly settings: Settings;
  /** The mean length of the values as JSON, in bytes. */
  readonly meanBytes: { readonly [size in Size]: number };
  readonly rows: readonly Row[];
  readonly skipped: readonly Skipped[];
}

export interface Machine {
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  /** Of the last minute, before and after: above 1 before the run, others worked on this machine too. */
  readonly load: readonly [number, number];
}

/** A backend that could not be measured here, and why. */
export interface Skipped {
  readonly backend: BackendName;
  readonly reason: string;
}

/** One case of one contender. */
export interface Row {
  readonly backend: BackendName;
  readonly contender: ContenderName;
  readonly operation: Operation;
  readonly size: Size;
  readonly concurrency: number;
  /** Operations a second, in the order of the rounds. */
  readonly rounds: readonly number[];
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

/** The rows of one case, from the samples of each contender by round; the raw driver comes first. */
export function rowsOf(
  backend: BackendName,
  one: Case,
  contenders: readonly { readonly name: ContenderName; readonly samples: readonly Sample[] }[],
): Row[] {
  const raw = contenders[0]?.samples ?? [];
  return contenders.map(({ name, samples }, index) => {
    const rounds = samples.map(speedOf);
    return {
      backend,
      contender: name,
      ...one,
      rounds,
      best: Math.max(...rounds),
      median: median(rounds),
      spread: spread(rounds),
      cpu: median(samples.map(({ cpu }) => cpu)),
      p50: median(samples.map(({ p50 }) => p50)),
      p99: median(samples.map(({ p99 }) => p99)),
      ...(index > 0 && { share: shareOf(samples, raw, targetOf(backend, one)) }),
    };
  });
}

/** @param samples and raw: of the same rounds */
function shareOf(samples: readonly Sample[], raw: readonly Sample[], target: number | undefined): Share {
  const shares: number[] = [];
  const cpuShares: number[] = [];
  for (const [round, sample] of samples.entries()) {
    const beside = raw[round];
    if (beside === undefined) continue;
    shares.push(sample.operationsPerSecond / beside.operationsPerSecond);
    cpuShares.push(beside.cpu / sample.cpu);
  }
  const middle = median(shares);
  return {
    median: middle,
    quartiles: [quantile(shares, 0.25), quantile(shares, 0.75)],
    best: Math.max(...samples.map(speedOf)) / Math.max(...raw.map(speedOf)),
    cpu: median(cpuShares),
    ...(target !== undefined && { target, met: middle >= target }),
  };
}

function speedOf({ operationsPerSecond }: Sample): number {
  return operationsPerSecond;
}
