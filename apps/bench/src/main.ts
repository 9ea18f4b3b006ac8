/** `pnpm bench`: runs the contenders, prints the table, writes the results. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { type Options, optionsOf, USAGE, UsageError } from "./options.ts";
import { ProgressLine } from "./progress.ts";
import { reportOf } from "./report.ts";
import { run } from "./run.ts";

/** Of the package, where this file was built or not. */
const RESULTS = join(import.meta.dirname, "..", "results");

async function bench({ settings, out }: Options): Promise<void> {
  const line = new ProgressLine(process.stderr);
  const results = await run(settings, line.show).finally(() => line.clear());
  const file = out === undefined ? join(RESULTS, `${results.startedAt.replaceAll(":", "-")}.json`) : resolve(out);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
  console.log(reportOf(results));
  console.log(`Written to ${relative(process.cwd(), file)}.`);
}

try {
  const options = optionsOf(process.argv.slice(2));
  if (options) await bench(options);
  else console.log(USAGE);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
