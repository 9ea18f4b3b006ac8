/** memcached's binary protocol: requests as bytes, and bytes as replies. */

const REQUEST = 0x80;
const REPLY = 0x81;
const HEADER = 24;

/** More than any reply has: the largest item that a server can be told to take is 1 GiB. */
const LONGEST = 2 ** 30 + 2 ** 16;

/** A quiet command (`…Q`) is answered only where there is something to tell: a hit of GETQ, a failure of the others. */
export const OPCODES = {
  GET: 0x00,
  SET: 0x01,
  ADD: 0x02,
  REPLACE: 0x03,
  DELETE: 0x04,
  GETQ: 0x09,
  NOOP: 0x0a,
  SETQ: 0x11,
  DELETEQ: 0x14,
  SASL_AUTH: 0x21,
} as const;

export const STATUS = {
  OK: 0x00,
  NOT_FOUND: 0x01,
  EXISTS: 0x02,
  TOO_LARGE: 0x03,
  UNAUTHENTICATED: 0x20,
  UNKNOWN_COMMAND: 0x81,
  OUT_OF_MEMORY: 0x82,
  BUSY: 0x85,
  TEMPORARY: 0x86,
} as const;

export interface Request {
  readonly command: keyof typeof OPCODES;
  /** At most 250 bytes. */
  readonly key?: string;
  readonly value?: string;
  /** Of what is stored: seconds from now up to 30 days, beyond that since the epoch; 0 is never. */
  readonly expiration?: number;
  /** Only where the item still has this token. */
  readonly cas?: Buffer;
}

/** Its status is checked by whoever asked. */
export class Reply {
  readonly #bytes: Buffer;

  /** @param bytes one whole reply */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get status(): number {
    return this.#bytes.readUInt16BE(6);
  }

  get opaque(): number {
    return this.#bytes.readUInt32BE(12);
  }

  get cas(): Buffer {
    return this.#bytes.subarray(16, HEADER);
  }

  /** The item, or the server's words on what went wrong. */
  get text(): string {
    const start = HEADER + this.#bytes.readUInt8(4) + this.#bytes.readUInt16BE(2);
    return this.#bytes.toString("utf8", start);
  }
}

/** Some requests as the bytes to send; the first is marked by `opaque`, each other by one more. */
export function encodeRequests(requests: readonly Request[], opaque: number): Buffer {
  let size = 0;
  for (const request of requests) size += sizeOf(request);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const [index, request] of requests.entries()) at = write(bytes, at, request, opaque + index);
  return bytes;
}

function sizeOf({ key = "", value = "", expiration }: Request): number {
  return HEADER + extrasOf(expiration) + Buffer.byteLength(key) + Buffer.byteLength(value);
}

/** Flags and expiration, of what stores. */
function extrasOf(expiration: number | undefined): number {
  return expiration === undefined ? 0 : 8;
}

/** Where the next request begins. */
function write(bytes: Buffer, start: number, request: Request, opaque: number): number {
  const { command, key = "", value = "", expiration, cas } = request;
  const extras = extrasOf(expiration);
  bytes.fill(0, start, start + HEADER + extras);
  if (expiration !== undefined) bytes.writeUInt32BE(expiration, start + HEADER + 4);
  const keyStart = start + HEADER + extras;
  const valueStart = keyStart + writeText(bytes, keyStart, key);
  const end = valueStart + writeText(bytes, valueStart, value);
  bytes[start] = REQUEST;
  bytes[start + 1] = OPCODES[command];
  bytes.writeUInt16BE(valueStart - keyStart, start + 2);
  bytes[start + 4] = extras;
  bytes.writeUInt32BE(end - start - HEADER, start + 8);
  bytes.writeUInt32BE(opaque, start + 12);
  cas?.copy(bytes, start + 16);
  return end;
}

function writeText(bytes: Buffer, start: number, text: string): number {
  return text === "" ? 0 : bytes.write(text, start, "utf8");
}

/** Bytes that are no reply. They are not kept, since they may be somebody's value. */
export class GarbageError extends Error {
  /** Whether it is what a server says, in text, to one connection too many. */
  readonly tooManyConnections: boolean;

  constructor(bytes: Buffer) {
    super("bytes that are no reply of memcached");
    this.tooManyConnections = bytes.toString("latin1", 0, 100).includes("Too many open connections");
  }
}

/** Makes whole replies of the pieces that come. */
export class Reader {
  #pieces: Buffer[] = [];
  #length = 0;
  #needed = HEADER;

  /** Hands on each reply that is complete now. @throws GarbageError */
  push(piece: Buffer, onReply: (bytes: Buffer) => void): void {
    let bytes = piece;
    if (this.#length > 0) {
      this.#pieces.push(piece);
      this.#length += piece.length;
      if (this.#length < this.#needed) return;
      bytes = Buffer.concat(this.#pieces, this.#length);
    }
    let at = 0;
    for (;;) {
      const left = bytes.length - at;
      if (left > 0 && bytes[at] !== REPLY) throw new GarbageError(bytes.subarray(at));
      this.#needed = left < HEADER ? HEADER : HEADER + bytes.readUInt32BE(at + 8);
      if (this.#needed > LONGEST) throw new GarbageError(bytes.subarray(at));
      if (left < this.#needed) break;
      onReply(bytes.subarray(at, at + this.#needed));
      at += this.#needed;
    }
    this.#length = bytes.length - at;
    this.#pieces = this.#length > 0 ? [bytes.subarray(at)] : [];
  }
}
