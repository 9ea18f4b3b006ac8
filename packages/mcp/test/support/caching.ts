/** Servers with a cache, for the file that imports this; all are closed after each test. */
import { memoryStore } from "@kv/memory";
import { Client, InMemoryTransport } from "@modelcontextprotocol/client";
import type { McpServer } from "@modelcontextprotocol/server";
import { afterEach } from "vitest";
import { type ResponseCacheOptions, responseCache } from "../../src/server/index.ts";
import { type Caller, Connections, type Setup, serverOf } from "./server.ts";

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

type MemoryStore = ReturnType<typeof memoryStore>;
type Options = Partial<Omit<ResponseCacheOptions, "store" | "lease">> & Pick<Setup, "look">;

export function storeOf(): MemoryStore {
  const store = memoryStore();
  opened.unshift(store);
  return store;
}

/** A server with a cache over `store`. */
export function serve({
  store = storeOf(),
  look,
  ...options
}: Options & { readonly store?: ResponseCacheOptions["store"] } = {}) {
  const cache = responseCache({ store, server: { name: "tested", version: "1.0.0" }, ...options });
  const { factory, runs } = serverOf({ cache, ...(look && { look }) });
  const connections = new Connections(factory);
  opened.unshift(connections);
  const { handler } = connections;
  return { cache, runs, store, factory, handler, client: (caller?: Caller) => connections.client(caller) };
}

/** A client and the one server instance that it talks to for as long as it is connected. */
export async function overOneConnection(factory: () => McpServer) {
  const [here, there] = InMemoryTransport.createLinkedPair();
  const connected = factory();
  await connected.connect(there);
  const client = new Client({ name: "tester", version: "1.0.0" });
  await client.connect(here);
  opened.unshift(client);
  return { connected, client };
}
