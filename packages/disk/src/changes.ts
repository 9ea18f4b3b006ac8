/** Reads, and writes that happen only if nobody else's comes between them and the read that led to them. */
import { AbortedError } from "@kv/core";
import { type Call, expiryRow, type Name } from "@kv/core/driver";
import { getLastVersion } from "lmdb";
import type { Environment } from "./environment.ts";
import { asDiskError, commitError } from "./errors.ts";
import { decodeHeader, type Header } from "./format.ts";

/** How often a write that found the record changed by another tries again, before it holds the others up. */
const ATTEMPTS = 3;

const NO_VALUE = Buffer.alloc(0);

/** What a look at a record leads to: an answer, and maybe a write, that happens if nobody else's comes between. */
interface Decision<T> {
  readonly answer: T;
  readonly write?: (() => void) | undefined;
}
/** Given the bytes under the name, valid until it returns. */
type Decide<T> = (bytes: Buffer | undefined, header: Header | undefined) => Decision<T>;

export interface Encoded {
  readonly bytes: Buffer;
  readonly expiresAt: number | undefined;
}

export class Changes {
  readonly #use: () => Environment;

  /** @param use throws where the folder is no longer open, since lmdb would then end the process */
  constructor(use: () => Environment) {
    this.#use = use;
  }

  /** The bytes under a name, valid until lmdb is next asked for any. */
  read(name: Name): Buffer | undefined {
    try {
      return this.#use().reader.get(name);
    } catch (error) {
      throw asDiskError(error);
    }
  }

  /**
   * Reads a record and writes what is decided on it, as one: the write is lmdb's to do, off this thread, on the condition
   * that the record still has the version that was read. Where other writers were faster too often, it is done while
   * they wait.
   */
  async change<T>(name: Name, call: Call | undefined, decide: Decide<T>): Promise<T> {
    const { records, reader, gate, root } = this.#use();
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const bytes = this.read(name);
      const version = bytes && getLastVersion();
      const { answer, write } = decide(bytes, bytes && decodeHeader(bytes));
      if (!write) return answer;
      const done = await gate.pass(call, () =>
        written(version === undefined ? records.ifNoExists(name, write) : records.ifVersion(name, version, write)),
      );
      reader.forget();
      if (done) return answer;
      if (call?.ended) throw new AbortedError("the call ended before its write", { outcome: "not-applied" });
    }
    const transaction = () =>
      root.transaction((): { readonly answer: T } => {
        const bytes = records.get(name);
        const { answer, write } = decide(bytes, bytes && decodeHeader(bytes));
        write?.();
        return { answer };
      });
    const done = await gate.pass(call, () => written(transaction()));
    reader.forget();
    if (!done) throw new AbortedError("the call ended before its write", { outcome: "not-applied" });
    return done.answer;
  }

  /** Part of a write: the record in place of the one with this header. */
  replace(name: Name, header: Header | undefined, next: Encoded | undefined): void {
    const { records, expiry } = this.#use();
    if (header?.expiresAt !== undefined) expiry.remove(expiryRow(header.expiresAt, name));
    if (!next) {
      records.remove(name);
      return;
    }
    records.put(name, next.bytes, newVersion());
    if (next.expiresAt !== undefined) expiry.put(expiryRow(next.expiresAt, name), NO_VALUE);
  }
}

/** Of a write, on lmdb's promise. @throws StorageFullError, BackendError … */
async function written<T>(commit: Promise<T>): Promise<T> {
  try {
    return await commit;
  } catch (error) {
    throw await commitError(error);
  }
}

/** Differs from that of the write before, as far as 53 random bits can. */
function newVersion(): number {
  return 1 + Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
}
