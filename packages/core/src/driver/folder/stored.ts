/** What is read back of a record that may be broken: its value, and whether it is one of a scope's. */
import { CorruptRecordError } from "../../errors.ts";
import type { JsonValue } from "../../json.ts";
import { isInScope, type RecordId, type Scope } from "../driver.ts";

/** @throws CorruptRecordError */
export function parseStored(json: string): JsonValue {
  try {
    return JSON.parse(json);
  } catch (error) {
    // The parser's own message quotes the value.
    throw new CorruptRecordError(`the stored value is not JSON: ${error instanceof Error ? error.name : "unknown"}`);
  }
}

/**
 * Whether to delete a record with the scope. One so broken that it does not tell its name goes only with all others.
 * @param idOf whose record it is; throws where it does not tell
 */
export function goesWith(scope: Scope, idOf: () => RecordId): boolean {
  try {
    return isInScope(idOf(), scope);
  } catch {
    return "collectionPrefix" in scope && scope.collectionPrefix === "";
  }
}
