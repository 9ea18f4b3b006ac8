/** The driver over ioredis. */
import { type Driver, RedisLikeDriver } from "@kv/core/driver";
import type { Cluster, Redis } from "ioredis";
import { connectionOf, type RedisDriverOptions } from "./options.ts";

/** The driver of one Redis server, found by its address or by Sentinel, or of a cluster. */
export class RedisDriver extends RedisLikeDriver implements Driver {
  readonly name = "redis";
  /** The ioredis client: the store's own, which only the store connects and closes, or the caller's. */
  readonly client: Redis | Cluster;

  /** @throws InvalidArgumentError */
  constructor(options: RedisDriverOptions = {}) {
    const { client, link } = connectionOf(options);
    super(link, options);
    this.client = client;
  }
}
