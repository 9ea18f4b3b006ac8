/**
 * XAES-256-GCM: AES-256-GCM under a key of each nonce's own, which is derived by a KDF in counter mode over CMAC, so
 * that nonces of 192 random bits are safe for any number of messages.
 *
 * Source: C2SP, XAES-256-GCM.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";

export const NONCE_BYTES = 24;
export const TAG_BYTES = 16;

export interface XaesKey {
  readonly key: Uint8Array;
  /** The first CMAC subkey. */
  readonly subkey: Uint8Array;
}

/** @param key 32 bytes; copied */
export function xaesKey(key: Uint8Array): XaesKey {
  const block = encryptBlocks(key, new Uint8Array(16));
  const subkey = block.map((byte, at) => ((byte << 1) | ((block[at + 1] ?? 0) >> 7)) & 0xff);
  if ((block[0] ?? 0) >> 7) subkey[15] = (subkey[15] ?? 0) ^ 0x87;
  return { key: Uint8Array.from(key), subkey };
}

/** Ciphertext and tag. The nonce has 24 bytes, and is never used twice with one key. */
export function xaesSeal(key: XaesKey, nonce: Uint8Array, plaintext: Uint8Array | string, aad: Uint8Array): Buffer {
  const cipher = createCipheriv("aes-256-gcm", derivedKey(key, nonce), nonce.subarray(12));
  cipher.setAAD(aad);
  const text = typeof plaintext === "string" ? cipher.update(plaintext, "utf8") : cipher.update(plaintext);
  return Buffer.concat([text, cipher.final(), cipher.getAuthTag()]);
}

/** The plaintext of what {@link xaesSeal} gave. @throws Error where it is not that */
export function xaesOpen(key: XaesKey, nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", derivedKey(key, nonce), nonce.subarray(12), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(aad).setAuthTag(sealed.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
}

/** From the nonce's first half; its second is that of AES-256-GCM. */
function derivedKey({ key, subkey }: XaesKey, nonce: Uint8Array): Uint8Array {
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
