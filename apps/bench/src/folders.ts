/** Where the benchmark writes. */
import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";

/** The package, where this file was built or not. */
export const PACKAGE = join(import.meta.dirname, "..");

/** Ignored by git. */
export const RESULTS = join(PACKAGE, "results");
/** The page and its charts, which are committed. */
export const PAGE = join(PACKAGE, "RESULTS.md");
export const DOCS = join(PACKAGE, "docs");

/** A new empty folder on the disk that holds the project: the system's temporary folder may lie in memory. */
export function newFolder(): string {
  mkdirSync(RESULTS, { recursive: true });
  return mkdtempSync(join(RESULTS, `.data-${process.pid}-`));
}
