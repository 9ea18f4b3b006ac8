/** Names of records made from what must not be readable in a name: a principal, a token, a state. */
import { isRecord } from "./is-record.ts";

/**
 * The hex SHA-256 of some parts. Equal parts give equal ones, whatever the order of an object's properties; different lists
 * of parts give different ones.
 */
export function lookupKey(...parts: readonly unknown[]): Promise<string> {
  return digestOf(canonicalJson(parts));
}

export async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The JSON of a value, with each object's properties in order. */
export function canonicalJson(value: unknown): string {
  const inOrder = (_name: string, part: unknown): unknown =>
    isRecord(part) ? Object.fromEntries(Object.entries(part).sort(byName)) : part;
  return JSON.stringify(value, inOrder);
}

function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}
