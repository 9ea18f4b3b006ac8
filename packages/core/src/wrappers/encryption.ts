/** Values encrypted and bound to their names, so that the backend and who reads it see none, and can forge or move none. */
import { randomBytes, scrypt } from "node:crypto";
import type { RecordId } from "../driver/driver.ts";
import { defineLayer, type Layer, values } from "../driver/layer.ts";
import { DecryptionError, InvalidArgumentError } from "../errors.ts";
import type { JsonValue } from "../json.ts";
import { NONCE_BYTES, TAG_BYTES, type XaesKey, xaesKey, xaesOpen, xaesSeal } from "./xaes.ts";

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

/**
 * Encrypts values by XAES-256-GCM: AES-256-GCM with a key for each record, derived from the ring's key and a random
 * nonce of 192 bits, so that no number of records wears a key out. Collection and key are bound in as associated data:
 * a record copied to another name is refused, and so is plaintext. Names, times and sizes stay visible.
 *
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
  if ([passphrase, salt].some((text) => typeof text !== "string" || text.trim() === "")) {
    return Promise.reject(new InvalidArgumentError("a passphrase and a salt must be texts that are not blank"));
  }
  const cost = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize("NFC"), salt, 32, cost, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

interface RingKey extends XaesKey {
  readonly id: string;
}

function ringKey(id: string, key: Uint8Array): RingKey {
  if (!(key instanceof Uint8Array) || key.length !== 32) {
    throw new InvalidArgumentError("an encryption key must have exactly 32 bytes");
  }
  return { id, ...xaesKey(key) };
}

function seal(key: RingKey, value: JsonValue, id: RecordId): { readonly [K in keyof Sealed]: Sealed[K] } {
  const nonce = randomBytes(NONCE_BYTES);
  const sealed = xaesSeal(key, nonce, JSON.stringify(value), associatedData(id));
  return { encrypted: "kv1", key_id: key.id, data: Buffer.concat([nonce, sealed]).toString("base64") };
}

function unseal(key: RingKey, data: string, id: RecordId): JsonValue {
  const bytes = Buffer.from(data, "base64");
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new DecryptionError("the encrypted value is cut short");
  const nonce = bytes.subarray(0, NONCE_BYTES);
  try {
    return JSON.parse(xaesOpen(key, nonce, bytes.subarray(NONCE_BYTES), associatedData(id)).toString("utf8"));
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
