// Uses stores and closes them. The process must then end by itself. Argument: the URL of a memcached server.

import { memcachedStore } from "../../src/index.ts";

const url = process.argv[2] ?? "";
const store = memcachedStore({ url });
await Promise.all(Array.from({ length: 50 }, (_, at) => store.put(`child-${at}`, at)));
await store.close();
await store.close();
// One that never was used, and one that never was connected.
await memcachedStore({ url }).close();
const unreachable = memcachedStore({ url: "memcached://127.0.0.1:1" });
await unreachable.get("a").catch(() => {});
await unreachable.close();
process.stdout.write("closed\n");
