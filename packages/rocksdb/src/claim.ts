/** What is checked and made before RocksDB may see the folder: it would take another program's files for its own. */
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { IncompatibleFormatError } from "@kv/core";
import { codeOf, damagedFiles } from "@kv/core/driver";
import { FORMAT } from "./format.ts";

const MARKER = "format";

/** What may lie in a folder that is as good as empty, of a file system or of tools. */
const HARMLESS = /^\.|^lost\+found$/;

/**
 * RocksDB's folder in this one. Both are created as needed.
 * @throws IncompatibleFormatError, and the file system's own errors
 */
export function claim(path: string): string {
  // Of an existing folder the permissions are its owner's affair.
  const created = mkdirSync(path, { recursive: true, mode: 0o700 });
  const marker = join(path, MARKER);
  const text = read(marker);
  if (text === undefined) {
    mark(path);
    // A folder is on the disk when the one that it lies in knows of it.
    if (created !== undefined) for (let at = path; at.length >= created.length; at = dirname(at)) flush(dirname(at));
  } else {
    check(text);
  }
  const data = join(path, "data");
  if (mkdirSync(data, { recursive: true, mode: 0o700 })) flush(path);
  const files = readdirSync(data);
  // Without this file RocksDB would begin anew, and delete all others.
  if (!files.includes("CURRENT") && files.some((name) => /\.(sst|log)$/.test(name))) {
    throw damagedFiles({ cause: new Error("data/CURRENT is missing") });
  }
  prepareLock(join(data, "LOCK"));
  return data;
}

/**
 * Where RocksDB may not open its lock, it takes it for held by this process, for as long as that lives. A lock that is
 * there must not be opened here: closing it would release it.
 */
function prepareLock(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    accessSync(file, constants.R_OK | constants.W_OK);
  }
}

function check(text: string): void {
  if (text.trimEnd() === FORMAT) return;
  const version = /^kv-rocksdb (\d{1,9})\s*$/.exec(text)?.[1];
  throw new IncompatibleFormatError(
    version === undefined
      ? "the folder belongs to another program: its file `format` is none of @kv/rocksdb's"
      : `the folder has version ${version} of the rocksdb format, this release of @kv/rocksdb reads version ${FORMAT.slice(11)}`,
  );
}

/** Puts the marker there whole or not at all, also where another process does so at the same time. */
function mark(path: string): void {
  const others = readdirSync(path).filter((name) => !HARMLESS.test(name));
  if (others.length > 0 && !others.includes(MARKER)) {
    throw new IncompatibleFormatError(
      "the folder belongs to another program: it is not empty, and has no file `format` of @kv/rocksdb",
    );
  }
  const draft = join(path, `.${MARKER}-${process.pid}`);
  const file = openSync(draft, "w", 0o600);
  try {
    writeSync(file, `${FORMAT}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, join(path, MARKER));
  flush(path);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function flush(folder: string): void {
  try {
    const file = openSync(folder, "r");
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch {
    // Not every system can, and none says more of it: the folder is there.
  }
}
