/**
 * Keeps all processes from writing while one opens the folder. In opening, lmdb sets the number of the last transaction,
 * which all processes share, to the one that it read a moment before: what was committed in that moment would be lost.
 *
 * Who opens holds the file `opening`, which holds its process id. Who writes has a file `writing-<process id>-<random>`
 * that says "1", and looks for `opening` after having said so; who opens looks for writers after having made `opening`.
 * So at least one of two sees the other. What a killed process leaves behind is known by its process id.
 */
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, statSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StoreUnavailableError } from "@kv/core";
import type { Call } from "@kv/core/driver";

/** How long opening may take, in milliseconds: an older file was left by a process whose id another has now. */
const LONGEST_OPENING = 5000;
/** For how long a writer is waited for: one that says so for longer has been stopped, or is such a leftover too. */
const LONGEST_WRITE = 2000;
const PAUSE = 2;

/** Does what opens the folder, which exists, while no process writes. @throws StoreUnavailableError */
export async function whileNobodyWrites<T>(path: string, call: Call, action: () => T): Promise<T> {
  const opening = openingFile(path);
  while (!take(opening)) {
    if (call.ended) throw new StoreUnavailableError("another process is opening the folder");
    await sleep(PAUSE);
  }
  try {
    const giveUpAt = performance.now() + LONGEST_WRITE;
    while (anyWriter(path) && performance.now() < giveUpAt && !call.ended) await sleep(PAUSE);
    return action();
  } finally {
    remove(opening);
  }
}

/**
 * A process' way to write, once the folder is open. While the file says that it writes, who opens the folder waits, however
 * many writes come: so each of them looks for `opening` only to let that one in, and no more often than each millisecond.
 */
export class Gate {
  readonly #opening: string;
  readonly #path: string;
  readonly #file: number;
  #inside = 0;
  #said: "0" | "1" = "0";
  /** When this process last looked for `opening`; 0 where it was there. Of no use once it has said that it does not write. */
  #lookedAt = 0;
  #closed = false;

  constructor(path: string) {
    this.#opening = openingFile(path);
    this.#path = join(path, `writing-${process.pid}-${randomBytes(6).toString("hex")}`);
    this.#file = openSync(this.#path, "wx", 0o600);
  }

  /** Does what writes, when nobody opens the folder; not at all where the call ends before: `undefined`. */
  async pass<T>(call: Call | undefined, write: () => Promise<T>): Promise<T | undefined> {
    while (!this.#enter()) {
      if (call?.ended) return undefined;
      await sleep(PAUSE);
    }
    try {
      return await write();
    } finally {
      this.#leave();
    }
  }

  close(): void {
    this.#closed = true;
    closeSync(this.#file);
    remove(this.#path);
  }

  #enter(): boolean {
    this.#inside++;
    const now = Date.now();
    if (this.#said === "1" && now === this.#lookedAt) return true;
    this.#say("1");
    const held = isHeld(this.#opening);
    this.#lookedAt = held ? 0 : now;
    if (held) this.#leave();
    return !held;
  }

  #leave(): void {
    this.#inside--;
    if (this.#inside > 0) return;
    // Who waited for this write may go on to the next in the same turn.
    process.nextTick(() => {
      if (this.#inside === 0 && !this.#closed) this.#say("0");
    });
  }

  #say(state: "0" | "1"): void {
    if (state === this.#said) return;
    writeSync(this.#file, state, 0);
    this.#said = state;
  }
}

function openingFile(path: string): string {
  return join(path, "opening");
}

function take(file: string): boolean {
  if (isHeld(file)) return false;
  try {
    const descriptor = openSync(file, "wx", 0o600);
    writeSync(descriptor, `${process.pid}`);
    closeSync(descriptor);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Whether a process that lives is opening the folder. Removes what one that died has left. */
function isHeld(file: string): boolean {
  if (!existsSync(file)) return false;
  try {
    const age = Date.now() - statSync(file).mtimeMs;
    const holder = Number(readFileSync(file, "latin1"));
    // Its process id is written a moment after it is made.
    if (age <= LONGEST_OPENING && (holder === 0 || isAlive(holder))) return true;
    remove(file);
    return false;
  } catch {
    // Gone meanwhile.
    return existsSync(file);
  }
}

/** Whether a process that lives says that it writes. Removes what others left. */
function anyWriter(path: string): boolean {
  let any = false;
  for (const name of readdirSync(path)) {
    const holder = /^writing-(\d+)-/.exec(name)?.[1];
    if (holder === undefined) continue;
    const file = join(path, name);
    if (!isAlive(Number(holder))) remove(file);
    else if (readFlag(file) === "1") any = true;
  }
  return any;
}

function readFlag(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    // Closed meanwhile.
    return "0";
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function remove(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // Another process was as quick.
  }
}
