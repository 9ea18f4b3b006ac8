/** Glob patterns for SCAN that find the names of a scope, and where it says so a few more. */
import type { Scope } from "../driver.ts";
import { namePrefix } from "../names.ts";

/** A pattern that matches `text` alone. */
function literal(text: string): string {
  return text.replace(/[\\*?[\]]/g, "\\$&");
}

/**
 * Of one collection: exactly the names that begin so. Of several: each of their names, and others, since one pattern
 * has to find plain names and escaped ones, in which a colon or a percent sign is written otherwise.
 */
export function patternOf(scope: Scope): string {
  if ("collection" in scope) return `${literal(namePrefix(scope.collection, "::") + scope.keyPrefix)}*`;
  return scope.collectionPrefix === "" ? "*::*" : `*${literal(scope.collectionPrefix).replace(/[:%]/g, "*")}*::*`;
}
