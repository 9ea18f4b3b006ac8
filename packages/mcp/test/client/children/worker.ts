/** A gateway's worker: reads of a server through what it shares with the others, tells what it has read, and ends. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { discoveryCache, KvResponseCacheStore } from "../../../src/client/index.ts";
import { openWhole } from "../../support/stores.ts";

const [storeUrl = "", key = "", server = "", principal = ""] = process.argv.slice(2);
const store = await openWhole(storeUrl);
const options = { store, keys: [{ id: "1", key: Buffer.from(key, "base64") }], server, principal };
const discoveries = discoveryCache(options);
const client = new Client(
  { name: "worker", version: "1.0.0" },
  {
    versionNegotiation: { mode: "auto" },
    responseCacheStore: new KvResponseCacheStore(options),
    cachePartition: principal,
  },
);
const prior = await discoveries.get();
await client.connect(new StreamableHTTPClientTransport(new URL(server)), prior && { prior });
await discoveries.save(client);
const { tools } = await client.listTools();
const { contents } = await client.readResource({ uri: "page:///1" });
await client.close();
await store.close();
process.send?.({ tools: tools.map(({ name }) => name), contents });
process.disconnect?.();
