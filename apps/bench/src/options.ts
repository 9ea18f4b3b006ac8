/** The command line. */
import { parseArgs } from "node:util";
import { type BackendName, backendNames, wrappersNames } from "./contender.ts";
import type { RoundLength } from "./measure.ts";

/** How a run is done. Lengths in milliseconds. */
export interface Settings {
  readonly backends: readonly BackendName[];
  readonly rounds: number;
  readonly length: RoundLength;
  /** Of each case in each process. */
  readonly warmUp: number;
}

export interface Options {
  readonly settings: Settings;
  /** The file of the results; `undefined`: one named by the time. */
  readonly out: string | undefined;
}

export const USAGE = `pnpm bench [--quick] [--only memory,redis | --wrappers] [--rounds N] [--ms N] [--out FILE]

  --quick       about 40 seconds instead of four minutes: fewer and shorter rounds
  --only NAMES  these backends only, of ${backendNames.join(", ")}
  --wrappers    kv in memory under one wrapper and under five that do nothing, instead of the backends
  --rounds N    how many rounds each case has
  --ms N        how long the counted pass of a round is, in milliseconds
  --out FILE    where the results go; by default a new file in apps/bench/results`;

/** Its message says which argument is wrong. */
export class UsageError extends Error {}

/** `undefined` where only help was asked for. @throws UsageError */
export function optionsOf(args: readonly string[]): Options | undefined {
  const { quick, only, wrappers, rounds, ms, out, help } = parse(args);
  if (help) return undefined;
  if (only !== undefined && wrappers) throw new UsageError("either --only or --wrappers");
  const chosen = wrappers ? wrappersNames : backendNames;
  const counted = ms === undefined ? (quick ? 180 : 300) : positive(ms, "--ms");
  return {
    settings: {
      backends: only === undefined ? chosen : only.split(",").map(backendOf),
      rounds: rounds === undefined ? (quick ? 3 : 11) : positive(rounds, "--rounds"),
      length: { counted, timed: counted / 4 },
      warmUp: counted,
    },
    out,
  };
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        quick: { type: "boolean" },
        only: { type: "string" },
        wrappers: { type: "boolean" },
        rounds: { type: "string" },
        ms: { type: "string" },
        out: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function positive(text: string, option: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new UsageError(`${option} takes a whole number greater than 0`);
}

function backendOf(name: string): BackendName {
  const found = backendNames.find((one) => one === name.trim());
  if (found === undefined) throw new UsageError(`--only takes names of ${backendNames.join(", ")}`);
  return found;
}
