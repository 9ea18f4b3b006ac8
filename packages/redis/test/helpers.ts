// What several test files need beside the store: a look at the server that does not go through it.

import type { Server } from "@kv/test-servers";
import { Redis } from "ioredis";
import { afterAll } from "vitest";

/** A plain client of the server, connected when it is used. */
export function clientOf(server: Server): Redis {
  const client = new Redis(server.url, {
    lazyConnect: true,
    retryStrategy: null,
    ...(server.ca && { tls: { ca: server.ca } }),
  });
  // Each request is told.
  return client.on("error", () => {});
}

/** One for the tests of a file or a group, disconnected after them. Where they are skipped, one that is never connected. */
export function groupClient(server: Server, skipped: string | undefined): Redis {
  const client = skipped === undefined ? clientOf(server) : new Redis({ lazyConnect: true });
  afterAll(() => client.disconnect());
  return client;
}

/** How many of each command the server has executed since this was last asked. What a script calls counts too. */
export async function commandsSince(client: Redis): Promise<Record<string, number>> {
  const info = await client.info("commandstats");
  await client.config("RESETSTAT");
  const counts = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, calls]) => [name, Number(calls)]);
  const others = ["info", "config|resetstat", "hello", "client|setinfo"];
  return Object.fromEntries(counts.filter(([name]) => !others.includes(String(name))));
}

/** How many of each command all nodes of a cluster have executed since this was last asked. */
export async function commandsOfAllSince(clients: readonly Redis[]): Promise<Record<string, number>> {
  const total: Record<string, number> = {};
  for (const counts of await Promise.all(clients.map(commandsSince))) {
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  }
  return total;
}

/** What the nodes of a cluster say among themselves, and to clients that ask who has which slot. */
export const BESIDE = ["cluster|slots", "cluster|nodes", "cluster|info", "client|setname", "ping", "asking"];

/** Moves a slot from one node to another as administrators do; with `keys`, only those, and the slot stays on its way. */
export async function moveSlot(slot: number, from: Redis, to: Redis, keys?: readonly string[]): Promise<void> {
  const [source, target] = await Promise.all([from.cluster("MYID"), to.cluster("MYID")]);
  await to.cluster("SETSLOT", slot, "IMPORTING", String(source));
  await from.cluster("SETSLOT", slot, "MIGRATING", String(target));
  const names = keys ?? (await from.cluster("GETKEYSINSLOT", slot, 1000));
  const { host, port } = to.options;
  if (names.length > 0) await from.call("MIGRATE", `${host}`, `${port}`, "", "0", "5000", "KEYS", ...names.map(String));
  if (keys) return;
  await to.cluster("SETSLOT", slot, "NODE", String(target));
  await from.cluster("SETSLOT", slot, "NODE", String(target));
}
