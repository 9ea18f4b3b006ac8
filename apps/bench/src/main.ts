/** `pnpm bench`: does what the command line asks for. */
import { relative, resolve } from "node:path";
import { comparisonOf } from "./compare.ts";
import { type ResultsFile, readResults, writeResults } from "./files.ts";
import { footprint } from "./footprint/footprint.ts";
import { footprintReport } from "./footprint/report.ts";
import { grow } from "./growth/growth.ts";
import { growthReport } from "./growth/report.ts";
import { type Command, commandOf, USAGE, UsageError } from "./options.ts";
import { writePage } from "./page/page.ts";
import { type Progress, ProgressLine } from "./progress.ts";
import { reportOf } from "./report.ts";
import { FORMAT, type Results } from "./results.ts";
import { run } from "./run.ts";

async function execute(command: Command, signal: AbortSignal): Promise<void> {
  switch (command.do) {
    case "help":
      return console.log(USAGE);
    case "run": {
      const { settings, out } = command;
      const { skipped } = await measured((progress) => run(settings, progress, signal), reportOf, out);
      if (skipped.some(({ failed }) => failed)) process.exitCode = 1;
      return;
    }
    case "compare": {
      const [before, after] = await Promise.all(
        [command.before, command.after].map((file) => readResults<Results>(resolve(file), "comparison", FORMAT)),
      );
      if (before && after) console.log(comparisonOf(before, after));
      return;
    }
    case "growth": {
      const { settings, out } = command;
      await measured((progress) => grow(settings, progress, signal), growthReport, out);
      return;
    }
    case "footprint":
      await measured((progress) => footprint(progress, signal), footprintReport, command.out);
      return;
    case "page":
      for (const file of await writePage()) console.log(`Written: ${relative(process.cwd(), file)}`);
  }
}

async function measured<T extends ResultsFile>(
  measure: (progress: Progress) => Promise<T>,
  report: (results: T) => string,
  out: string | undefined,
): Promise<T> {
  const line = new ProgressLine(process.stderr);
  const results = await measure(line.show).finally(() => line.clear());
  const file = await writeResults(results, out);
  console.log(report(results));
  console.log(`Written to ${relative(process.cwd(), file)}.`);
  return results;
}

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());

try {
  await execute(commandOf(process.argv.slice(2)), stop.signal);
} catch (error) {
  if (stop.signal.aborted) {
    console.error("Stopped; nothing was written.");
    process.exitCode = 130;
  } else if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else {
    throw error;
  }
}
