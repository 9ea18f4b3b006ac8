/** The files of results. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { RESULTS } from "./folders.ts";

/** What a file of results begins with. */
export interface ResultsFile {
  readonly kind: "comparison" | "growth" | "footprint";
  /** ISO 8601. */
  readonly startedAt: string;
}

/** @returns the file's path */
export async function writeResults(results: ResultsFile, out: string | undefined): Promise<string> {
  const name = `${results.startedAt.replaceAll(":", "-")}-${results.kind}.json`;
  const file = out === undefined ? join(RESULTS, name) : resolve(out);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
  return file;
}

/** @throws where they are of another kind or format */
export async function readResults<T extends ResultsFile>(file: string, kind: T["kind"], format: number): Promise<T> {
  const results = await readResultsOf<T>(file, kind, format);
  if (results === undefined) throw new Error(`${file} is no ${kind} of this version`);
  return results;
}

/** `undefined` where they are of another kind or format: those of earlier versions may lie there still. */
export async function readResultsOf<T extends ResultsFile>(
  file: string,
  kind: T["kind"],
  format: number,
): Promise<T | undefined> {
  const results = JSON.parse(await readFile(file, "utf8"));
  return results.kind === kind && results.format === format ? results : undefined;
}

/** Those of a kind in the folder of results, the newest first. */
export async function filesOf(kind: ResultsFile["kind"]): Promise<string[]> {
  const names = await readdir(RESULTS).catch(() => []);
  return names
    .filter((name) => name.endsWith(`-${kind}.json`))
    .toSorted()
    .toReversed()
    .map((name) => join(RESULTS, name));
}

/** The newest of a kind in the folder of results; `undefined` where there is none. */
export async function newest(kind: ResultsFile["kind"]): Promise<string | undefined> {
  return (await filesOf(kind))[0];
}
