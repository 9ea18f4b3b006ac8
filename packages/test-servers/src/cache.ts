// The folder where fetched servers are kept between runs, safe for any number of processes that fill it at once.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Guard } from "./guard.ts";
import { Unavailable } from "./system.ts";

/** `KV_TEST_CACHE`, or a folder in the user's cache folder. */
export function cacheFolder(): string {
  const { KV_TEST_CACHE, XDG_CACHE_HOME } = process.env;
  if (KV_TEST_CACHE) return KV_TEST_CACHE;
  const home = process.platform === "darwin" ? join(homedir(), "Library", "Caches") : join(homedir(), ".cache");
  return join(XDG_CACHE_HOME || home, "kv-test-servers");
}

/** The path of an entry of the cache, if it is there. */
export function findCached(name: string): string | undefined {
  const entry = join(cacheFolder(), name);
  return existsSync(entry) ? entry : undefined;
}

/**
 * The path of the cache's entry `name`, made by `fill` if it is not there.
 *
 * `fill` gets a new folder, which becomes the entry by one rename: an entry is there whole or not at all. Whoever
 * comes second takes the first one's. `fill` must not write the folder's own path into it.
 */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const entry = findCached(name);
  if (entry !== undefined) return entry;
  const guard = new Guard(await makeFolder(name));
  try {
    await fill(guard.folder);
    const target = join(cacheFolder(), name);
    await rename(guard.folder, target).catch((error: unknown) => {
      if (!existsSync(target)) throw error;
    });
    return target;
  } finally {
    await guard.close();
  }
}

async function makeFolder(name: string): Promise<string> {
  try {
    await mkdir(cacheFolder(), { recursive: true });
    return await mkdtemp(join(cacheFolder(), `.${name}-`));
  } catch (error) {
    throw new Unavailable(`the cache folder cannot be written (${error instanceof Error ? error.message : error})`);
  }
}
