/** Bentocache with Redis as its only tier, with its defaults; it runs over ioredis 5. */
import { BentoCache, bentostore } from "bentocache";
import { redisDriver } from "bentocache/drivers/redis";
import type { Contender } from "../contender.ts";
import { bentocacheRecords } from "./peers/bentocache.ts";

export async function open(url: string): Promise<Contender> {
  const { hostname, port, pathname } = new URL(url);
  const connection = { host: hostname, port: Number(port), db: Number(pathname.slice(1)) };
  const store = bentostore().useL2Layer(redisDriver({ connection }));
  const cache = new BentoCache({ default: "one", stores: { one: store } });
  return { collection: (name) => bentocacheRecords(cache.namespace(name)), close: () => cache.disconnectAll() };
}
