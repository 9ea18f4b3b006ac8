/** Stores on the same data, as two nodes have them, over memory, disk and Redis. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KeyValueStore } from "@kv/core";
import { diskStore } from "@kv/disk";
import { memoryStore } from "@kv/memory";
import { redisStore } from "@kv/redis";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { onTestFinished } from "vitest";

const { server: redis, skipped } = await serverFor(vitest, "redis", { own: true });

export type Store = KeyValueStore<"write" | "atomic" | "enumerate" | "clear" | "durable">;

const opening: Readonly<Record<string, () => Promise<[Store, Store]>>> = {
  memory: async () => {
    const store = memoryStore();
    return [store, store];
  },
  disk: async () => {
    const path = await mkdtemp(join(tmpdir(), "kv-mcp-"));
    onTestFinished(() => rm(path, { recursive: true }));
    return [diskStore({ path }), diskStore({ path })];
  },
  ...(!skipped && { redis: async () => [redisStore({ url: redis.url }), redisStore({ url: redis.url })] }),
};

export const backends = Object.keys(opening);

/** Emptied and closed after the test. */
export async function twoStores(backend: string): Promise<[Store, Store]> {
  const stores = await opening[backend]?.();
  if (!stores) throw new Error(`no backend ${backend}`);
  onTestFinished(async () => {
    await stores[0].clearAll();
    for (const store of stores) await store.close();
  });
  return stores;
}
