/** The Redis driver of unstorage, with its defaults; it runs over ioredis 5. */
import { createStorage } from "unstorage";
import redisDriver from "unstorage/drivers/redis";
import type { Contender } from "../contender.ts";
import { unstorageRecords } from "./peers/unstorage.ts";

export async function open(url: string): Promise<Contender> {
  const storage = createStorage({ driver: redisDriver({ url }) });
  return { collection: (name) => unstorageRecords(storage, name), close: () => storage.dispose() };
}
