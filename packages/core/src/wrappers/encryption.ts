/** Values encrypted and bound to their names, so that the backend and who reads it see none, and can forge or move none. */
import { randomBytes, scrypt } from "node:crypto";
import type { RecordId } from "../driver/driver.ts";
import { defineLayer, type Layer, values } from "../driver/layer.ts";
import { DecryptionError, InvalidArgumentError } from "../errors.ts";
import type { JsonValue } from "../json.ts";
import { NOT_INSIDE_ENCRYPTION } from "./order.ts";
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
  /** Reads values that are not encrypted as they are: only while a store is migrated, see `reencrypt`. Default: false. */
  readonly acceptPlaintext?: boolean | undefined;
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
export function encryption(options: EncryptionOptions): Layer {
  const { keys, acceptPlaintext = false } = options ?? {};
  if (!Array.isArray(keys) || keys.length === 0) throw new InvalidArgumentError("encryption needs at least one key");
  const list = keys.map(ringKey);
  const current = list[0] as RingKey;
  const ring = new Map(list.map((key) => [key.id, key]));
  if (ring.size < list.length) throw new InvalidArgumentError("each encryption key needs an id of its own");
  if (typeof acceptPlaintext !== "boolean") throw new InvalidArgumentError("acceptPlaintext must be a boolean");

  return defineLayer(
    "encryption",
    (inner) =>
      values(inner, {
        encode: (value, id) => seal(current, value, id),
        decode: (stored, id) => {
          if (!isSealed(stored)) {
            if (acceptPlaintext && !looksSealed(stored)) return stored;
            throw new DecryptionError("the stored value is not encrypted");
          }
          const key = ring.get(stored.key_id);
          if (key === undefined)
            throw new DecryptionError("the key that the record was encrypted with is not in the ring");
          return unseal(key, stored.data, id);
        },
        isOutdated: (stored) => !isSealed(stored) || stored.key_id !== current.id,
      }),
    { notOutside: NOT_INSIDE_ENCRYPTION },
  );
}

/**
 * A key for {@link encryption} from a passphrase, by scrypt (N = 2^17, r = 8, p = 1: about half a second and 128 MiB,
 * off the event loop).
 * @param salt any text that is this deployment's own; not a secret, but to be kept: another salt is another key
 */
export function keyFromPassphrase(passphrase: string, salt: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    checkPassphrase(passphrase, salt);
    const cost = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };
    scrypt(passphrase.normalize("NFC"), salt, 32, cost, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

/** @throws InvalidArgumentError */
export function checkPassphrase(passphrase: unknown, salt: unknown): void {
  if ([passphrase, salt].some((text) => typeof text !== "string" || text.trim() === "" || !text.isWellFormed())) {
    throw new InvalidArgumentError("a passphrase and a salt must be well-formed texts that are not blank");
  }
}

interface RingKey extends XaesKey {
  readonly id: string;
}

/** @throws InvalidArgumentError */
function ringKey(given: EncryptionKey | undefined): RingKey {
  const { id, key } = given ?? {};
  if (typeof id !== "string" || id === "" || !id.isWellFormed()) {
    throw new InvalidArgumentError("each encryption key needs an id of its own");
  }
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

/** Whether a plaintext would look so, or a sealed value of which one part was damaged: neither is given to the user. */
function looksSealed(stored: JsonValue): boolean {
  if (typeof stored !== "object" || stored === null) return false;
  if ("encrypted" in stored && stored.encrypted === "kv1") return true;
  return "key_id" in stored && "data" in stored && typeof stored.data === "string";
}
