// What several test files need beside the store: a look at the server that does not go through it.

import type { Server } from "@kv/test-servers";
import { Redis } from "ioredis";

/** A plain client of the server, connected when it is used. */
export function clientOf(server: Server): Redis {
  return new Redis(server.url, {
    lazyConnect: true,
    retryStrategy: null,
    ...(server.ca && { tls: { ca: server.ca } }),
  });
}

/** How many of each command the server has executed since this was last asked. What a script calls counts too. */
export async function commandsSince(client: Redis): Promise<Record<string, number>> {
  const info = await client.info("commandstats");
  await client.config("RESETSTAT");
  const counts = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, calls]) => [name, Number(calls)]);
  const others = ["info", "config|resetstat", "hello", "client|setinfo"];
  return Object.fromEntries(counts.filter(([name]) => !others.includes(String(name))));
}
