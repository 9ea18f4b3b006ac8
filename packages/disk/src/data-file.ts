/**
 * What is checked of lmdb's data file before lmdb may see it, which takes it on trust: a file that is none of lmdb's, or
 * was cut off, would not be refused but kill the process.
 */
import { appendFileSync, closeSync, fstatSync, openSync, readSync } from "node:fs";
import { endianness } from "node:os";
import { IncompatibleFormatError } from "@kv/core";

// The two first pages are alike, written in turn. Offsets from lmdb's mdb.c, for 64-bit systems.
const FLAGS = 18;
const MAGIC = 24;
const VERSION = 28;
const PAGE_SIZE = 48;
const LAST_PAGE = 144;
const TRANSACTION = 152;
const META_LENGTH = 168;

const META_FLAG = 8;
const MAGIC_NUMBER = 0xbeefc0de;
const DATA_VERSION = 2;
const LARGEST_PAGE = 65_536;

/** How much is written at a time. */
const CHUNK = 1 << 20;

/**
 * Makes a file that is shorter than its pages as long as they are. It may be, where the last pages are free; what else
 * was lost then reads as damaged, where memory beyond the end of a file could not be read at all.
 * @throws IncompatibleFormatError
 */
export function checkDataFile(path: string): void {
  if (["arm", "ia32", "mips", "mipsel"].includes(process.arch)) return;
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    // Where a process died before it wrote anything.
    if (size === 0) return;
    const first = metaAt(file, 0);
    if (first.pageSize < META_LENGTH || first.pageSize > LARGEST_PAGE) throw damaged();
    const second = metaAt(file, first.pageSize);
    const { lastPage } = second.transaction > first.transaction ? second : first;
    // Appending harms nobody who is writing to the file at the same time.
    for (let missing = (lastPage + 1) * first.pageSize - size; missing > 0; missing -= CHUNK) {
      appendFileSync(path, Buffer.alloc(Math.min(missing, CHUNK)));
    }
  } finally {
    closeSync(file);
  }
}

interface Meta {
  readonly pageSize: number;
  readonly lastPage: number;
  readonly transaction: bigint;
}

function metaAt(file: number, position: number): Meta {
  const bytes = Buffer.alloc(META_LENGTH);
  if (readSync(file, bytes, 0, META_LENGTH, position) < META_LENGTH) throw damaged();
  const view = new DataView(bytes.buffer, bytes.byteOffset, META_LENGTH);
  const little = endianness() === "LE";
  if ((view.getUint16(FLAGS, little) & META_FLAG) === 0 || view.getUint32(MAGIC, little) !== MAGIC_NUMBER) {
    throw damaged();
  }
  const version = view.getUint32(VERSION, little) & 0xffff;
  if (version !== DATA_VERSION) {
    throw new IncompatibleFormatError(
      `the folder's data.mdb is of version ${version} of lmdb's format, this release of @kv/disk reads version ${DATA_VERSION}`,
    );
  }
  return {
    pageSize: view.getUint32(PAGE_SIZE, little),
    lastPage: Number(view.getBigUint64(LAST_PAGE, little)),
    transaction: view.getBigUint64(TRANSACTION, little),
  };
}

function damaged(): IncompatibleFormatError {
  return new IncompatibleFormatError("the folder's data.mdb is damaged, or no file of lmdb");
}
