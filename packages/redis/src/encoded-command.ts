/** Commands as bytes that are written once: ioredis would build a string, and copy it again for the socket. */
import type { Command as Parts } from "@kv/core/driver";
import { Command } from "ioredis";

/** Bytes of one allocation, of which requests take their parts one after the other. */
const SLAB = 256 * 1024;

/** Up to so many characters a loop copies a text faster than a call of Node's. */
const SHORT = 48;

/** Beside a part's own bytes: the protocol's mark, its length in digits, the ends of two lines. */
const OVERHEAD = 24;

const DOLLAR = 0x24;
const ZERO = 0x30;
const CR = 0x0d;
const LF = 0x0a;

const NOTHING = Buffer.alloc(0);

let slab = NOTHING;
let used = 0;

/** A command whose bytes are there already. */
class EncodedCommand extends Command {
  readonly #bytes: Buffer;

  constructor([name, key]: Parts, bytes: Buffer) {
    // The first key alone: an error of the client's shows the arguments.
    super(name, key === undefined ? [] : [key], { replyEncoding: "utf8" });
    this.#bytes = bytes;
  }

  override toWritable(): Buffer {
    return this.#bytes;
  }
}

/** A command to be sent. */
export function encoded(parts: Parts): Command {
  return new EncodedCommand(parts, encode([parts]));
}

/** Commands to be sent one right after the other: the first brings the bytes of all. */
export function encodedTogether(commands: readonly Parts[]): Command[] {
  const bytes = encode(commands);
  return commands.map((parts, at) => new EncodedCommand(parts, at === 0 ? bytes : NOTHING));
}

/** In the protocol of Redis: each command an array of strings, each of them after its length in bytes. */
function encode(commands: readonly Parts[]): Buffer {
  let most = 0;
  for (const parts of commands) {
    most += OVERHEAD;
    for (const part of parts) most += OVERHEAD + (part.length <= SHORT ? 3 * part.length : Buffer.byteLength(part));
  }
  if (slab.length - used < most) {
    slab = Buffer.allocUnsafeSlow(Math.max(SLAB, most));
    used = 0;
  }
  const start = used;
  let previous: Parts | undefined;
  let rest = start;
  for (const parts of commands) {
    const end = used;
    used += slab.write(`*${parts.length}\r\n`, used, "latin1");
    write(parts[0]);
    if (previous && sameArguments(parts, previous)) {
      slab.copyWithin(used, rest, end);
      [rest, used] = [used, used + end - rest];
    } else {
      rest = used;
      for (let at = 1; at < parts.length; at++) write(parts[at] as string);
    }
    previous = parts;
  }
  return slab.subarray(start, used);
}

function sameArguments(parts: Parts, others: Parts): boolean {
  return parts.length === others.length && parts.every((part, at) => at === 0 || part === others[at]);
}

function write(part: string): void {
  if (part.length > SHORT || !writeShort(part)) writeLong(part);
}

/** False where it is not ASCII: then nothing was written. */
function writeShort(part: string): boolean {
  const { length } = part;
  const bytes = slab;
  let at = used;
  bytes[at++] = DOLLAR;
  if (length > 9) bytes[at++] = ZERO + Math.floor(length / 10);
  bytes[at++] = ZERO + (length % 10);
  bytes[at++] = CR;
  bytes[at++] = LF;
  for (let index = 0; index < length; index++) {
    const code = part.charCodeAt(index);
    if (code > 0x7f) return false;
    bytes[at++] = code;
  }
  bytes[at++] = CR;
  bytes[at++] = LF;
  used = at;
  return true;
}

function writeLong(part: string): void {
  const length = Buffer.byteLength(part);
  used += slab.write(`$${length}\r\n`, used, "latin1");
  // ASCII, of which there are as many bytes as characters, is copied faster as Latin-1.
  used += slab.write(part, used, length === part.length ? "latin1" : "utf8");
  slab[used++] = CR;
  slab[used++] = LF;
}
