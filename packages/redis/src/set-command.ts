/** SET as bytes that are written once: ioredis would build a string, and copy it again for the socket. */
import { Command } from "ioredis";

/** Bytes of one allocation, of which commands take their parts one after the other. */
const SLAB = 256 * 1024;

/** Beside name and text: the protocol's marks and lengths, and a time to live. */
const OVERHEAD = 128;

let slab = Buffer.alloc(0);
let used = 0;

export class SetCommand extends Command {
  readonly #bytes: Buffer;

  /** @param ttl PX, in milliseconds */
  constructor(name: string, text: string, ttl: number | undefined) {
    // The key alone: an error of the client's shows the arguments.
    super("set", [name], { replyEncoding: "utf8" });
    this.#bytes = encode(name, text, ttl);
  }

  override toWritable(): Buffer {
    return this.#bytes;
  }
}

/** In the protocol of Redis: an array of strings, each after its length in bytes. */
function encode(name: string, text: string, ttl: number | undefined): Buffer {
  const nameBytes = Buffer.byteLength(name);
  const textBytes = Buffer.byteLength(text);
  const size = nameBytes + textBytes + OVERHEAD;
  if (slab.length - used < size) {
    slab = Buffer.allocUnsafeSlow(Math.max(SLAB, size));
    used = 0;
  }
  const start = used;
  const count = ttl === undefined ? 3 : 5;
  write(`*${count}\r\n$3\r\nset\r\n$${nameBytes}\r\n`, -1);
  write(name, nameBytes);
  write(`\r\n$${textBytes}\r\n`, -1);
  write(text, textBytes);
  write(ttl === undefined ? "\r\n" : `\r\n$2\r\nPX\r\n$${`${ttl}`.length}\r\n${ttl}\r\n`, -1);
  return slab.subarray(start, used);
}

/** ASCII, which `bytes` tells where there are as many as characters, is copied faster as Latin-1. */
function write(text: string, bytes: number): void {
  used += slab.write(text, used, bytes === -1 || bytes === text.length ? "latin1" : "utf8");
}
