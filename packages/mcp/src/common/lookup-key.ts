/** Names of records made from what must not be readable in a name: a principal, a token, a state. */
import { createHash } from "node:crypto";

/** The hex SHA-256 of the parts. Different lists of parts give different names. */
export function lookupKey(...parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
