/** Where the benchmark writes. */
import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";

/** Of the package, where this file was built or not; ignored by git. */
export const RESULTS = join(import.meta.dirname, "..", "results");

/** A new empty folder on the disk that holds the project: the system's temporary folder may lie in memory. */
export function newFolder(): string {
  mkdirSync(RESULTS, { recursive: true });
  return mkdtempSync(join(RESULTS, `.data-${process.pid}-`));
}
