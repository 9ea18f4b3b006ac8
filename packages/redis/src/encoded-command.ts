/** Commands as bytes that are written once: ioredis would build a string, and copy it again for the socket. */
import type { Command as Parts } from "@kv/core/driver";
import { Command } from "ioredis";

/** Bytes of one allocation, of which requests take their parts one after the other. */
const SLAB = 256 * 1024;

/** Longer texts are written by themselves: shorter ones are faster put together first. */
const SHORT = 256;

/** Beside a part's own bytes: the protocol's mark, its length in digits, the ends of two lines. */
const OVERHEAD = 24;

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
    const [name] = parts;
    const end = used;
    write(`*${parts.length}\r\n$${name.length}\r\n${name}\r\n`, true);
    if (previous && sameArguments(parts, previous)) {
      slab.copyWithin(used, rest, end);
      [rest, used] = [used, used + end - rest];
    } else {
      rest = used;
      writeArguments(parts);
    }
    previous = parts;
  }
  return slab.subarray(start, used);
}

function sameArguments(parts: Parts, others: Parts): boolean {
  return parts.length === others.length && parts.every((part, at) => at === 0 || part === others[at]);
}

function writeArguments(parts: Parts): void {
  let text = "";
  let ascii = true;
  for (let at = 1; at < parts.length; at++) {
    const part = parts[at] as string;
    const bytes = Buffer.byteLength(part);
    text += `$${bytes}\r\n`;
    if (part.length > SHORT) {
      write(text, ascii);
      write(part, bytes === part.length);
      text = "\r\n";
      ascii = true;
    } else {
      text += `${part}\r\n`;
      ascii &&= bytes === part.length;
    }
  }
  write(text, ascii);
}

/** ASCII is copied faster as Latin-1. */
function write(text: string, ascii: boolean): void {
  used += slab.write(text, used, ascii ? "latin1" : "utf8");
}
