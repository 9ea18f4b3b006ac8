/** The keys that values are encrypted with: from the environment, or in development from a file made for the purpose. */
import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parseFolderUrl } from "@kv/core/driver";
import type { EncryptionKey } from "@kv/core/wrappers";
import { UsageError } from "./options.ts";

const VARIABLE = "KV_ENCRYPTION_KEYS";
const HOW = `set ${VARIABLE} to ID:KEY, KEY being 32 random bytes in Base64 (openssl rand -base64 32)`;

/**
 * The keys for a store: none for memory, which nobody else reads; those of the environment; else one that is made once
 * and kept in a file that only its owner may read. The first encrypts, all decrypt.
 * @throws UsageError in production where the environment has none, and for keys and files that are not as they must be
 */
export async function encryptionKeys(
  store: string,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<readonly EncryptionKey[]> {
  if (/^memory:/i.test(store)) return [];
  const given = env[VARIABLE];
  if (given) return parseKeys(given, VARIABLE);
  if (env.NODE_ENV === "production") {
    throw new UsageError(`in production the store's encryption keys must be given: ${HOW}`);
  }
  const file = keyFileOf(store);
  await makeOnce(file);
  say(`Values are encrypted with the key in ${file}: for development only. In production, ${HOW}.`);
  await refuseReadableByOthers(file);
  return parseKeys(await readFile(file, "utf8"), file);
}

/** `id:key`, separated by commas or white space. Messages never show any of it: it may be a key. */
export function parseKeys(text: string, where: string): readonly EncryptionKey[] {
  const keys = text
    .split(/[\s,]+/)
    .filter((part) => part !== "")
    .map((part) => {
      const [, id, base64 = ""] = /^([\w.-]+):([A-Za-z0-9+/_-]{43}=?)$/.exec(part) ?? [];
      if (id === undefined) throw new UsageError(`a key in ${where} is not ID:KEY, KEY being 32 bytes in Base64`);
      return { id, key: new Uint8Array(Buffer.from(base64, "base64")) };
    });
  if (keys.length === 0) throw new UsageError(`there is no key in ${where}: ${HOW}`);
  if (new Set(keys.map(({ id }) => id)).size < keys.length) {
    throw new UsageError(`two keys in ${where} have the same id: each needs one of its own`);
  }
  return keys;
}

/** Beside the store's folder; for a store elsewhere, in the current folder. */
function keyFileOf(store: string): string {
  const scheme = /^(disk|rocksdb):/i.exec(store)?.[1]?.toLowerCase();
  return resolve(`${scheme === undefined ? ".kv" : parseFolderUrl(store, scheme).path.replace(/\/+$/, "")}.key`);
}

/** Makes the file where there is none. Of several processes at once, the first one's key is the one that stays. */
async function makeOnce(file: string): Promise<void> {
  if (await stat(file).catch(() => undefined)) return;
  const draft = `${file}.${randomUUID()}`;
  try {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(draft, "wx", 0o600);
    try {
      await handle.writeFile(`dev-${randomUUID().slice(0, 8)}:${randomBytes(32).toString("base64")}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Unlike a rename, a link never replaces what another process has made meanwhile.
    await link(draft, file).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    throw new UsageError(`may not write the file for the store's encryption key, ${file} (${code}): ${HOW}`);
  } finally {
    await rm(draft, { force: true }).catch(() => {});
  }
}

async function refuseReadableByOthers(file: string): Promise<void> {
  if (process.platform === "win32") return;
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0) throw new UsageError(`others may read the encryption key in ${file}: chmod 600 ${file}`);
}
