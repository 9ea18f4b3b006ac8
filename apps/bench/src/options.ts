/** The command line. */
import { parseArgs } from "node:util";
import { operationNames } from "./cases.ts";
import { type BackendName, backendNames, wrappersNames } from "./contender.ts";
import { type GrowthSettings, growthBackends } from "./growth/growth.ts";
import type { RoundLength } from "./measure.ts";
import type { OperationName } from "./operations.ts";

/** How a run is done. Lengths in milliseconds. */
export interface Settings {
  readonly backends: readonly BackendName[];
  readonly operations: readonly OperationName[];
  /** All sizes and numbers of callers, instead of those that tell most. */
  readonly everything: boolean;
  /** Whether other libraries are measured as well. */
  readonly peers: boolean;
  readonly rounds: number;
  /** How many processes of the raw driver and of kv share the rounds, one after the other. */
  readonly processes: number;
  readonly length: RoundLength;
  /** Of each case in each process. */
  readonly warmUp: number;
}

/** `out`: the file of the results; `undefined`: one named by the time. */
export type Command =
  | { readonly do: "help" }
  | { readonly do: "run"; readonly settings: Settings; readonly out: string | undefined }
  | { readonly do: "compare"; readonly before: string; readonly after: string }
  | { readonly do: "growth"; readonly settings: GrowthSettings; readonly out: string | undefined }
  | { readonly do: "footprint"; readonly out: string | undefined }
  | { readonly do: "page" };

export const USAGE = `pnpm bench [--full] [--only memory,redis | --wrappers] [--ops get,put] [--no-peers]
           [--rounds N] [--processes N] [--ms N] [--out FILE]
pnpm bench --growth [--only memory,disk,redis] [--records N] [--out FILE]
pnpm bench --footprint [--out FILE]
pnpm bench --compare BEFORE AFTER
pnpm bench --page

  --full        every size and number of callers, in more and longer rounds: about an hour
  --only NAMES  these backends only, of ${backendNames.join(", ")}
  --wrappers    kv in memory under one wrapper and under five that do nothing, instead of the backends
  --ops NAMES   these operations only, of ${operationNames.join(", ")}
  --no-peers    kv and the raw drivers only
  --rounds N    how many rounds each case has; the peers take part in every third
  --processes N in how many processes of the raw driver and of kv, one after the other
  --ms N        how long the counted pass of a round is, in milliseconds
  --out FILE    where the results go; by default a new file in apps/bench/results
  --growth      how the cost grows with the number of records, by default to a million, and of callers: three minutes
  --footprint   packages, bytes on disk and time to import, of kv with each backend and of the peers: a minute
  --compare     what changed between two files of results, beyond noise
  --page        writes apps/bench/RESULTS.md and its charts from the newest results`;

/** Its message says which argument is wrong. */
export class UsageError extends Error {}

/** @throws UsageError */
export function commandOf(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  const { full, only, wrappers, ops, "no-peers": noPeers, rounds, processes, ms, out, help } = values;
  const { compare, page, growth, records, footprint } = values;
  if (help) return { do: "help" };
  const [before, after, ...rest] = positionals;
  if (compare) {
    if (before === undefined || after === undefined || rest.length > 0)
      throw new UsageError("--compare takes two files");
    return { do: "compare", before, after };
  }
  if (before !== undefined) throw new UsageError(`what is ${before}?`);
  if (page) return { do: "page" };
  if (footprint) return { do: "footprint", out };
  if (growth) {
    const backends = only === undefined ? growthBackends : named(only, growthBackends, "--only");
    const most = records === undefined ? 1_000_000 : positive(records, "--records");
    return { do: "growth", settings: { backends, most }, out };
  }
  if (only !== undefined && wrappers) throw new UsageError("either --only or --wrappers");
  const chosen = wrappers ? wrappersNames : backendNames;
  const length = full ? FULL : USUAL;
  const counted = ms === undefined ? length.counted : positive(ms, "--ms");
  return {
    do: "run",
    settings: {
      backends: only === undefined ? chosen : named(only, chosen, "--only"),
      operations: ops === undefined ? operationNames : named(ops, operationNames, "--ops"),
      everything: full ?? false,
      peers: !noPeers,
      rounds: rounds === undefined ? length.rounds : positive(rounds, "--rounds"),
      processes: processes === undefined ? length.processes : positive(processes, "--processes"),
      length: { counted, timed: counted / 4 },
      // Compilers take their time; what is asked for in milliseconds is meant to be quick.
      warmUp: ms === undefined ? length.warmUp : counted * 4,
    },
    out,
  };
}

const USUAL = { rounds: 3, processes: 3, counted: 40, warmUp: 80 };
const FULL = { rounds: 8, processes: 4, counted: 80, warmUp: 150 };

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        full: { type: "boolean" },
        only: { type: "string" },
        wrappers: { type: "boolean" },
        ops: { type: "string" },
        "no-peers": { type: "boolean" },
        rounds: { type: "string" },
        processes: { type: "string" },
        ms: { type: "string" },
        out: { type: "string" },
        compare: { type: "boolean" },
        page: { type: "boolean" },
        footprint: { type: "boolean" },
        growth: { type: "boolean" },
        records: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function positive(text: string, option: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new UsageError(`${option} takes a whole number greater than 0`);
}

/** In the order of `all`. */
function named<Name extends string>(list: string, all: readonly Name[], option: string): Name[] {
  const wanted = list.split(",").map((name) => name.trim());
  const known: readonly string[] = all;
  if (!wanted.every((name) => known.includes(name))) throw new UsageError(`${option} takes names of ${all.join(", ")}`);
  return all.filter((name) => wanted.includes(name));
}
