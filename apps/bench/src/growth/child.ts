/** The process in which the growth of one backend is measured. It is told where, and tells what it finds. */

import type { KeyValueStore } from "@kv/core";
import { diskStore } from "@kv/disk";
import { memoryStore } from "@kv/memory";
import { redisStore } from "@kv/redis";
import { growCallers, growRecords } from "./grow.ts";
import type { GrowthBackend, GrowthMessage, GrowthRequest } from "./growth.ts";

function storeOf(backend: GrowthBackend, location: string): KeyValueStore<"write" | "enumerate" | "clear"> {
  switch (backend) {
    case "memory":
      return memoryStore();
    case "disk":
      return diskStore({ path: location });
    case "redis":
      return redisStore({ url: location });
  }
}

function tell(message: GrowthMessage): void {
  process.send?.(message);
}

process.once("message", async ({ backend, location, most }: GrowthRequest) => {
  const store = storeOf(backend, location);
  const progress = (now: string): void => tell({ now });
  try {
    const records = await growRecords(backend, store, most, progress);
    const callers = await growCallers(backend, store, progress);
    await store.close();
    tell({ records, callers });
  } catch (error) {
    tell({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
process.on("disconnect", () => process.exit());
process.on("SIGINT", () => {});
