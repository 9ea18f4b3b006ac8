/** The stores that tests go over, by URLs that other processes can open too. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KeyValueStore, openStore } from "@kv/core";
import { type ServerName, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";

export type WholeStore = KeyValueStore<"write" | "atomic" | "enumerate" | "clear" | "durable">;

const needs = ["write", "atomic", "enumerate", "clear", "durable"] as const;

export function openWhole(url: string): Promise<WholeStore> {
  return openStore(url, { needs });
}

export interface TestedStore {
  readonly name: string;
  readonly url: string;
  readonly skipped: string | undefined;
}

/** Memory, a folder, and a real Redis; memory is this process' alone. */
export async function testedStores(): Promise<readonly TestedStore[]> {
  return [{ name: "memory", url: "memory:", skipped: undefined }, ...(await sharedStores())];
}

/** Those that several processes can open. */
export async function sharedStores(): Promise<readonly TestedStore[]> {
  const folder = await mkdtemp(join(tmpdir(), "kv-mcp-"));
  vitest.afterAll(() => rm(folder, { recursive: true, force: true }));
  const { server, skipped } = await serverFor(vitest, "redis", { own: true });
  return [
    { name: "disk", url: `disk:${folder}`, skipped: undefined },
    { name: "Redis", url: skipped === undefined ? server.url : "", skipped },
  ];
}

/** All others that keep what is written. Their servers take a while to start: for one file. */
export async function otherStores(): Promise<readonly (TestedStore & { readonly processes: number })[]> {
  const folder = await mkdtemp(join(tmpdir(), "kv-mcp-"));
  vitest.afterAll(() => rm(folder, { recursive: true, force: true }));
  const names: readonly ServerName[] = ["valkey", "dynalite", "mongodb", "elasticsearch"];
  const started = await Promise.all(
    names.map(async (name) => {
      const { server, skipped } = await serverFor(vitest, name);
      return { name, url: skipped === undefined ? server.url : "", skipped, processes: 2 };
    }),
  );
  // One process at a time can have the folder open.
  return [{ name: "rocksdb", url: `rocksdb:${folder}`, skipped: undefined, processes: 1 }, ...started];
}
