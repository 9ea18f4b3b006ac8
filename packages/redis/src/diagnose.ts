/** Finding out what is wrong with a server. */
import type { KeyValueError } from "@kv/core";
import { Redis, type RedisOptions } from "ioredis";
import { explain } from "./errors.ts";
import { Node } from "./node.ts";

/**
 * Why a server cannot be connected to, found out by a connection of its own: what looks for servers by itself (for the
 * nodes of a cluster, for sentinels) does not tell. Nothing where it can.
 */
export async function diagnose(
  options: Omit<RedisOptions, "replyMapping">,
  patience: number,
  signal: AbortSignal,
): Promise<KeyValueError | undefined> {
  const redis = new Redis({ ...options, lazyConnect: true, retryStrategy: () => null });
  const node = new Node(redis, { own: true, patience, report: undefined });
  try {
    await node.wait(signal);
    return undefined;
  } catch (error) {
    return explain(error);
  } finally {
    await node.disconnect();
  }
}
