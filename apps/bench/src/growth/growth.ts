/** How the cost of kv's operations grows with the number of records, and with that of callers at once. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { prepare } from "../backends.ts";
import type { ResultsFile } from "../files.ts";
import { load, type Machine, machineSince } from "../machine.ts";
import type { Progress } from "../progress.ts";

export const growthBackends = ["memory", "disk", "redis"] as const;
export type GrowthBackend = (typeof growthBackends)[number];

/** `enumerate`, `clear` and `expire` are of a whole collection, and count by the record. */
export type GrowthOperation = "get" | "put" | "enumerate" | "clear" | "expire";

/** What an operation, or the share of one record in it, took with so many records in the collection. */
export interface RecordsPoint {
  readonly backend: GrowthBackend;
  readonly operation: GrowthOperation;
  readonly records: number;
  readonly microseconds: number;
}

/** Gets of so many callers at once, each of which waits for its answer. */
export interface CallersPoint {
  readonly backend: GrowthBackend;
  readonly callers: number;
  readonly perSecond: number;
  /** In microseconds. */
  readonly p99: number;
}

export interface Growth extends ResultsFile {
  readonly kind: "growth";
  readonly format: typeof GROWTH_FORMAT;
  readonly seconds: number;
  readonly machine: Machine;
  readonly records: readonly RecordsPoint[];
  readonly callers: readonly CallersPoint[];
  readonly skipped: readonly { readonly backend: GrowthBackend; readonly reason: string }[];
}

export const GROWTH_FORMAT = 1;

export interface GrowthSettings {
  readonly backends: readonly GrowthBackend[];
  /** Most records: the last of the powers of ten. */
  readonly most: number;
}

export interface GrowthRequest {
  readonly backend: GrowthBackend;
  readonly location: string;
  readonly most: number;
}

interface Points {
  readonly records: readonly RecordsPoint[];
  readonly callers: readonly CallersPoint[];
}

export type GrowthMessage = Points | { readonly now: string } | { readonly failed: string };

/** Built or not, as this file is. */
const PROGRAM = fileURLToPath(import.meta.resolve("#growth-child"));

/** Rejects soon after `signal` aborts; nothing is left behind then, no process and no folder. */
export async function grow(
  { backends, most }: GrowthSettings,
  progress: Progress,
  signal: AbortSignal,
): Promise<Growth> {
  const start = performance.now();
  const startedAt = new Date().toISOString();
  const loadBefore = load();
  const points: Points[] = [];
  const skipped: Growth["skipped"][number][] = [];
  for (const [index, backend] of backends.entries()) {
    signal.throwIfAborted();
    const { place, skipped: reason } = await prepare(backend);
    if (place === undefined) {
      skipped.push({ backend, reason });
      continue;
    }
    await using _ended = place;
    if (place.shared) {
      skipped.push({ backend, reason: "a million records do not belong on a server that others use" });
      continue;
    }
    const said = (now: string): void => progress(`${backend}: ${now}`, index / backends.length);
    points.push(await inProcess({ backend, location: place.location("kv"), most }, said, signal));
  }
  return {
    kind: "growth",
    format: GROWTH_FORMAT,
    startedAt,
    seconds: Math.round((performance.now() - start) / 1000),
    machine: machineSince(loadBefore),
    records: points.flatMap(({ records }) => records),
    callers: points.flatMap(({ callers }) => callers),
    skipped,
  };
}

async function inProcess(
  request: GrowthRequest,
  progress: (now: string) => void,
  signal: AbortSignal,
): Promise<Points> {
  const child = fork(PROGRAM, { execArgv: [...process.execArgv, "--expose-gc"] });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const kill = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", kill);
  try {
    return await new Promise((resolve, reject) => {
      child.once("exit", (code, by) => reject(new Error(`growth of ${request.backend} ended by ${by ?? code}`)));
      child.on("message", (message: GrowthMessage) => {
        if ("now" in message) progress(message.now);
        else if ("failed" in message) reject(new Error(message.failed));
        else resolve(message);
      });
      child.send(request);
    });
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
    await gone;
  }
}
