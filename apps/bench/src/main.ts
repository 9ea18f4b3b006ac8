/** `pnpm bench`: runs the contenders, prints the table, writes the results. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { RESULTS } from "./folders.ts";
import { type Options, optionsOf, USAGE, UsageError } from "./options.ts";
import { ProgressLine } from "./progress.ts";
import { reportOf } from "./report.ts";
import { run } from "./run.ts";

async function bench({ settings, out }: Options, signal: AbortSignal): Promise<void> {
  const line = new ProgressLine(process.stderr);
  const results = await run(settings, line.show, signal).finally(() => line.clear());
  const file = out === undefined ? join(RESULTS, `${results.startedAt.replaceAll(":", "-")}.json`) : resolve(out);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
  console.log(reportOf(results));
  console.log(`Written to ${relative(process.cwd(), file)}.`);
}

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());

try {
  const options = optionsOf(process.argv.slice(2));
  if (options) await bench(options, stop.signal);
  else console.log(USAGE);
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
