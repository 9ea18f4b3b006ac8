// Uses a store and closes it. The process must then end by itself.

import { elasticsearchStore } from "../../src/index.ts";

const url = process.argv[2] ?? "";
const store = elasticsearchStore({ url, timeout: "60s" });
await Promise.all(Array.from({ length: 50 }, (_, at) => store.put(`child-${at}`, at)));
await store.close();
await store.close();
// One that never was used, and one that never was connected.
await elasticsearchStore({ url }).close();
const unreachable = elasticsearchStore({ nodes: "http://127.0.0.1:1" });
await unreachable.get("a").catch(() => {});
await unreachable.close();
process.stdout.write("closed\n");
