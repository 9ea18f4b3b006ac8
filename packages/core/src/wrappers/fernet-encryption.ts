/** Values encrypted as Python's py-key-value-aio encrypts them, for a store that programs of both languages share. */
import { createCipheriv, createDecipheriv, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import type { InexactNumbers } from "../driver/envelope.ts";
import { defineLayer, type Layer, values } from "../driver/layer.ts";
import { DecryptionError, InvalidArgumentError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { checkPassphrase } from "./encryption.ts";
import { NOT_INSIDE_ENCRYPTION } from "./order.ts";
import { checkNumbers, fromPythonJson, toPythonJson } from "./python-json.ts";

export interface FernetEncryptionOptions {
  /**
   * Fernet keys: 32 bytes in URL-safe base64, as `Fernet.generate_key()` and {@link fernetKeyFromPassphrase} give them.
   * The first encrypts; all decrypt, as Python's `MultiFernet`.
   */
  readonly keys: readonly string[];
  /** Reads values that are not encrypted as they are: only while a store is migrated, see `reencrypt`. Default: false. */
  readonly acceptPlaintext?: boolean | undefined;
  /** How numbers are read that Python encrypted and JavaScript cannot hold. Default: `"error"`. */
  readonly numbers?: InexactNumbers | undefined;
}

const DATA = "__encrypted_data__";
const VERSION = "__encryption_version__";

/**
 * Encrypts values by Fernet (AES-128-CBC and HMAC-SHA256) in the stored form of Python's `FernetEncryptionWrapper`. Who
 * shares nothing with Python takes `encryption`: Fernet does not bind a value to its name, so that whoever can write to
 * the backend can move one record's value to another, and shows when each value was encrypted.
 *
 * Source of the format: the Fernet specification; py-key-value-aio 0.4.
 * @throws InvalidArgumentError
 */
export function fernetEncryption(options: FernetEncryptionOptions): Layer {
  const { keys, acceptPlaintext = false, numbers = "error" } = options ?? {};
  if (!Array.isArray(keys) || keys.length === 0) throw new InvalidArgumentError("fernetEncryption needs keys");
  const ring = keys.map(fernetKey);
  const current = ring[0] as FernetKey;
  if (typeof acceptPlaintext !== "boolean") throw new InvalidArgumentError("acceptPlaintext must be a boolean");
  checkNumbers(numbers);

  return defineLayer(
    "fernetEncryption",
    (inner) =>
      values(inner, {
        encode(value) {
          const token = fernetSeal(current, toPythonJson(value), Math.floor(Date.now() / 1000), randomBytes(IV_BYTES));
          return { [DATA]: Buffer.from(token).toString("base64"), [VERSION]: 1 };
        },
        decode(stored) {
          if (!isSealed(stored)) {
            if (acceptPlaintext) return stored;
            throw new DecryptionError("the stored value is not encrypted");
          }
          return fromPythonJson(fernetOpen(ring, tokenOf(stored)), numbers);
        },
        isOutdated: (stored) => !isSealed(stored) || !isSigned(current, tokenOf(stored)),
      }),
    { notOutside: NOT_INSIDE_ENCRYPTION },
  );
}

/**
 * A key for {@link fernetEncryption}, the one that Python derives from `source_material` and `salt`: by
 * PBKDF2-HMAC-SHA256 with 1,200,000 rounds (about half a second, off the event loop).
 */
export function fernetKeyFromPassphrase(passphrase: string, salt: string): Promise<string> {
  return new Promise((resolve, reject) => {
    checkPassphrase(passphrase, salt);
    pbkdf2(passphrase, salt, 1_200_000, 32, "sha256", (error, key) => {
      if (error) reject(error);
      else resolve(toBase64Url(key));
    });
  });
}

/** Either of the two names is enough: with one of them damaged it is no plaintext. */
function isSealed(stored: JsonValue): stored is JsonObject {
  return typeof stored === "object" && stored !== null && (DATA in stored || VERSION in stored);
}

/** @throws DecryptionError */
function tokenOf({ [DATA]: data, [VERSION]: version }: JsonObject): Buffer {
  if (typeof data !== "string" || typeof version !== "number") {
    throw new DecryptionError("the encrypted value is not whole");
  }
  if (version !== 1) throw new DecryptionError("the value was encrypted in a version of the format that is not known");
  return Buffer.from(Buffer.from(data, "base64").toString("latin1"), "base64url");
}

const IV_BYTES = 16;
const HEADER_BYTES = 1 + 8 + IV_BYTES;
const BLOCK_BYTES = 16;
const MAC_BYTES = 32;

interface FernetKey {
  readonly signing: Uint8Array;
  readonly encryption: Uint8Array;
}

/** @throws InvalidArgumentError */
export function fernetKey(key: unknown): FernetKey {
  if (typeof key !== "string" || !/^[A-Za-z0-9_-]{43}=$/.test(key)) {
    throw new InvalidArgumentError("a Fernet key must be 32 bytes in URL-safe base64: 44 characters");
  }
  const bytes = Buffer.from(key, "base64url");
  return { signing: bytes.subarray(0, 16), encryption: bytes.subarray(16) };
}

/** @param time in whole seconds @returns the token's text */
export function fernetSeal(key: FernetKey, plaintext: string, time: number, iv: Uint8Array): string {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = 0x80;
  header.writeBigUInt64BE(BigInt(time), 1);
  header.set(iv, 1 + 8);
  const cipher = createCipheriv("aes-128-cbc", key.encryption, iv);
  const signed = Buffer.concat([header, cipher.update(plaintext, "utf8"), cipher.final()]);
  return toBase64Url(Buffer.concat([signed, macOf(key, signed)]));
}

/** The plaintext of a token's bytes. @throws DecryptionError */
export function fernetOpen(ring: readonly FernetKey[], token: Buffer): string {
  const blocks = token.length - HEADER_BYTES - MAC_BYTES;
  if (token[0] !== 0x80 || blocks < BLOCK_BYTES || blocks % BLOCK_BYTES !== 0) {
    throw new DecryptionError("the encrypted value is no Fernet token");
  }
  const key = ring.find((one) => isSigned(one, token));
  if (key === undefined) throw new DecryptionError("the record was changed, or encrypted with a key that is not given");
  try {
    const decipher = createDecipheriv("aes-128-cbc", key.encryption, token.subarray(1 + 8, HEADER_BYTES));
    const text = decipher.update(token.subarray(HEADER_BYTES, -MAC_BYTES));
    return Buffer.concat([text, decipher.final()]).toString("utf8");
  } catch {
    throw new DecryptionError("the encrypted value has no proper end");
  }
}

/** Whether the token was made with this key; in constant time, so that nobody finds a signature byte by byte. */
function isSigned(key: FernetKey, token: Buffer): boolean {
  if (token.length < MAC_BYTES) return false;
  return timingSafeEqual(macOf(key, token.subarray(0, -MAC_BYTES)), token.subarray(-MAC_BYTES));
}

function macOf(key: FernetKey, signed: Uint8Array): Buffer {
  return createHmac("sha256", key.signing).update(signed).digest();
}

/** With padding, which Node.js leaves out and Python asks for. */
function toBase64Url(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
