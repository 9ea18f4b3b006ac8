/** Revisions: made for each write, unique among all processes. */
import { InvalidArgumentError } from "./errors.ts";
import type { Revision } from "./record.ts";

let origin: string | undefined;
let count = 0;

/** 96 random bits of this process and a counter: 17 to 32 characters of `A-Z a-z 0-9 _ -`. */
export function newRevision(): Revision {
  origin ??= randomOrigin();
  return (origin + count++) as Revision;
}

function randomOrigin(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}

/** @throws InvalidArgumentError where it cannot be one */
export function checkRevision(revision: unknown): void {
  if (typeof revision === "string" && revision !== "" && revision !== "absent") return;
  throw new InvalidArgumentError("a revision must be one that a store has given");
}
