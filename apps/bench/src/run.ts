/** One run: every backend in turn, its contenders side by side. */
import { cpus, loadavg } from "node:os";
import { prepare } from "./backends.ts";
import { cases, titleOf } from "./cases.ts";
import { type BackendName, contenderNames } from "./contender.ts";
import { ContenderProcess } from "./contender-process.ts";
import { Data } from "./data.ts";
import type { Sample } from "./measure.ts";
import type { Settings } from "./options.ts";
import { type Results, type Row, rowsOf, type Skipped } from "./results.ts";

/** Told what is measured next, and how much of the run is done: from 0 to 1. */
export type Progress = (what: string, done: number) => void;

/** Rejects soon after `signal` aborts; nothing is left behind then, no process and no folder. */
export async function run(settings: Settings, progress: Progress, signal: AbortSignal): Promise<Results> {
  const start = performance.now();
  const startedAt = new Date().toISOString();
  const loadBefore = load();
  const rows: Row[] = [];
  const skipped: Skipped[] = [];
  for (const [index, backend] of settings.backends.entries()) {
    const inAll: Progress = (what, done) => progress(`${backend}: ${what}`, (index + done) / settings.backends.length);
    const found = await runBackend(backend, settings, inAll, signal);
    if (typeof found === "string") skipped.push({ backend, reason: found });
    else rows.push(...found);
  }
  return {
    format: 1,
    startedAt,
    seconds: Math.round((performance.now() - start) / 1000),
    machine: {
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: cpus().length,
      load: [loadBefore, load()],
    },
    settings,
    meanBytes: { "100 B": new Data("100 B").meanBytes, "10 KB": new Data("10 KB").meanBytes },
    rows,
    skipped,
  };
}

/** The rows, or why there are none. */
async function runBackend(
  backend: BackendName,
  settings: Settings,
  progress: Progress,
  signal: AbortSignal,
): Promise<Row[] | string> {
  signal.throwIfAborted();
  progress("preparing", 0);
  const { place, skipped } = await prepare(backend);
  if (place === undefined) return skipped;
  await using _ended = place;
  await using contenders = new Contenders(backend, signal);
  for (const contender of contenders.all) {
    progress(`warming up ${contender.name}`, 0);
    await contender.open(place.location(contender.name), cases, settings.warmUp);
  }
  const samples = await measure(contenders.all, settings, progress);
  for (const contender of contenders.all) await contender.close();
  return cases.flatMap((one, at) =>
    rowsOf(
      backend,
      one,
      contenders.all.map(({ name }, nth) => ({ name, samples: samples[at]?.[nth] ?? [] })),
    ),
  );
}

/**
 * The samples of each case, and in it of each contender. In a round every contender has its turn directly after the
 * other, each time another one first, so that what else the machine does meets them all.
 */
async function measure(
  contenders: readonly ContenderProcess[],
  { rounds, length }: Settings,
  progress: Progress,
): Promise<Sample[][][]> {
  const samples: Sample[][][] = cases.map(() => contenders.map(() => []));
  for (let round = 0; round < rounds; round++) {
    for (const [at, one] of cases.entries()) {
      progress(`round ${round + 1} of ${rounds}, ${titleOf(one)}`, (round + at / cases.length) / rounds);
      for (let turn = 0; turn < contenders.length; turn++) {
        const nth = (round + turn) % contenders.length;
        const sample = await contenders[nth]?.round(at, length);
        if (sample) samples[at]?.[nth]?.push(sample);
      }
    }
  }
  return samples;
}

class Contenders implements AsyncDisposable {
  readonly all: readonly ContenderProcess[];
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => void this[Symbol.asyncDispose]();

  constructor(backend: BackendName, signal: AbortSignal) {
    this.all = contenderNames.map((name) => new ContenderProcess(backend, name));
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort);
    if (signal.aborted) this.#onAbort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener("abort", this.#onAbort);
    await Promise.all(this.all.map((one) => one[Symbol.asyncDispose]()));
  }
}

/** Of the last minute. */
function load(): number {
  return loadavg()[0] ?? Number.NaN;
}
