/** Values encrypted and bound to their names, so that the backend and who reads it see none, and can forge or move none. */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import type { RecordId } from "../driver/driver.ts";
import { defineLayer, type Layer, values } from "../driver/layer.ts";
import { DecryptionError, InvalidArgumentError } from "../errors.ts";
import type { JsonValue } from "../json.ts";

export interface EncryptionKey {
  /** Stored beside each record, so that the key is found again. Not a secret. */
  readonly id: string;
  /** 32 random bytes, or what {@link keyFromPassphrase} gives. */
  readonly key: Uint8Array;
}

export interface EncryptionOptions {
  /** The first encrypts; all decrypt. To rotate, put the new key first and keep the old ones while records need them. */
  readonly keys: readonly EncryptionKey[];
}

/** What the backend sees in place of the value. */
interface Sealed {
  /** The format. */
  readonly encrypted: "kv1";
  readonly key_id: string;
  /** Base64 of nonce (24 bytes), ciphertext and tag (16 bytes). */
  readonly data: string;
}

const NONCE_BYTES = 24;
const TAG_BYTES = 16;

/**
 * Encrypts values by XAES-256-GCM: AES-256-GCM with a key for each record, derived from the ring's key and a random
 * nonce of 192 bits, so that no number of records wears a key out. Collection and key are bound in as associated data:
 * a record copied to another name is refused, and so is plaintext. Names, times and sizes stay visible.
 *
 * Source: C2SP, XAES-256-GCM.
 * @throws InvalidArgumentError
 */
export function encryption({ keys }: EncryptionOptions): Layer {
  const ring = new Map<string, RingKey>();
  for (const { id, key } of keys) {
    if (typeof id !== "string" || id === "" || ring.has(id)) {
      throw new InvalidArgumentError("each encryption key needs an id of its own");
    }
    ring.set(id, ringKey(id, key));
  }
  const [current] = ring.values();
  if (current === undefined) throw new InvalidArgumentError("encryption needs at least one key");

  return defineLayer("encryption", (inner) =>
    values(inner, {
      encode: (value, id) => seal(current, value, id),
      decode: (stored, id) => {
        if (!isSealed(stored)) throw new DecryptionError("the stored value is not encrypted");
        const key = ring.get(stored.key_id);
        if (key === undefined)
          throw new DecryptionError("the key that the record was encrypted with is not in the ring");
        return unseal(key, stored.data, id);
      },
    }),
  );
}

/**
 * A key for {@link encryption} from a passphrase, by scrypt (N = 2^17, r = 8, p = 1: about half a second and 128 MiB,
 * off the event loop).
 * @param salt any text that is this deployment's own; not a secret, but to be kept: another salt is another key
 */
export function keyFromPassphrase(passphrase: string, salt: string): Promise<Uint8Array> {
  if (passphrase.trim() === "" || salt.trim() === "") {
    return Promise.reject(new InvalidArgumentError("a passphrase and a salt must not be blank"));
  }
  const cost = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize("NFC"), salt, 32, cost, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

interface RingKey {
  readonly id: string;
  readonly key: Uint8Array;
  /** The first CMAC subkey. */
  readonly subkey: Uint8Array;
}

function ringKey(id: string, given: Uint8Array): RingKey {
  if (!(given instanceof Uint8Array) || given.length !== 32) {
    throw new InvalidArgumentError("an encryption key must have exactly 32 bytes");
  }
  const key = Uint8Array.from(given);
  const block = encryptBlocks(key, new Uint8Array(16));
  const subkey = block.map((byte, at) => ((byte << 1) | ((block[at + 1] ?? 0) >> 7)) & 0xff);
  if ((block[0] ?? 0) >> 7) subkey[15] = (subkey[15] ?? 0) ^ 0x87;
  return { id, key, subkey };
}

/** The record's own key: CMAC of the nonce's first half, as a KDF in counter mode. */
function recordKey({ key, subkey }: RingKey, nonce: Uint8Array): Uint8Array {
  const blocks = new Uint8Array(32);
  for (const [at, counter] of [1, 2].entries()) {
    const block = blocks.subarray(at * 16, at * 16 + 16);
    block.set([0, counter, 0x58, 0]);
    block.set(nonce.subarray(0, 12), 4);
    for (let index = 0; index < 16; index++) block[index] = (block[index] ?? 0) ^ (subkey[index] ?? 0);
  }
  return encryptBlocks(key, blocks);
}

function encryptBlocks(key: Uint8Array, blocks: Uint8Array): Uint8Array {
  return createCipheriv("aes-256-ecb", key, null).setAutoPadding(false).update(blocks);
}

function seal(key: RingKey, value: JsonValue, id: RecordId): { readonly [K in keyof Sealed]: Sealed[K] } {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", recordKey(key, nonce), nonce.subarray(12));
  cipher.setAAD(associatedData(id));
  const parts = [nonce, cipher.update(JSON.stringify(value), "utf8"), cipher.final(), cipher.getAuthTag()];
  return { encrypted: "kv1", key_id: key.id, data: Buffer.concat(parts).toString("base64") };
}

function unseal(key: RingKey, data: string, id: RecordId): JsonValue {
  const bytes = Buffer.from(data, "base64");
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new DecryptionError("the encrypted value is cut short");
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", recordKey(key, nonce), nonce.subarray(12), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(associatedData(id)).setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    return JSON.parse(text.toString("utf8"));
  } catch {
    // Without the cause: a parser's error quotes the plaintext.
    throw new DecryptionError("the record was changed, moved from another name, or encrypted with another key");
  }
}

/** Length-prefixed, so that no two pairs of names give the same bytes. */
function associatedData({ collection, key }: RecordId): Buffer {
  const parts = ["kv1", collection, key].map((part) => {
    const text = Buffer.from(part, "utf8");
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    return Buffer.concat([length, text]);
  });
  return Buffer.concat(parts);
}

function isSealed(stored: JsonValue): stored is { readonly [K in keyof Sealed]: Sealed[K] } {
  return (
    typeof stored === "object" &&
    stored !== null &&
    "encrypted" in stored &&
    stored.encrypted === "kv1" &&
    "key_id" in stored &&
    typeof stored.key_id === "string" &&
    "data" in stored &&
    typeof stored.data === "string"
  );
}
