/** Revisions: made for each write, unique among all processes. */
import { InvalidArgumentError } from "./errors.ts";
import type { Revision } from "./record.ts";

let origin: string | undefined;
let count = 0;
/** All but the last digit: to make the text of a number for each write would be a sixth of a `put` in memory. */
let beginning = "";

/** 96 random bits of this process and a counter: 18 to 32 characters of `A-Z a-z 0-9 _ -`. */
export function newRevision(): Revision {
  const last = count % 10;
  if (last === 0) {
    origin ??= crypto.getRandomValues(Buffer.alloc(12)).toString("base64url");
    beginning = origin + count / 10;
  }
  count++;
  return (beginning + last) as Revision;
}

/** @throws InvalidArgumentError where it cannot be one */
export function checkRevision(revision: unknown): void {
  if (typeof revision === "string" && revision !== "" && revision !== "absent") return;
  throw new InvalidArgumentError("a revision must be one that a store has given");
}
