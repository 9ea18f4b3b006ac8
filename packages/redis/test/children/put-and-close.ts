// Uses a store and closes it. The process must then end by itself.

import { redisStore } from "../../src/index.ts";

const url = process.argv[2] ?? "";
const store = redisStore({ url });
await Promise.all(Array.from({ length: 50 }, (_, at) => store.put(`child-${at}`, at)));
await store.close();
await store.close();
// One that never was used, and one that never was connected.
await redisStore({ url }).close();
const unreachable = redisStore({ url: "redis://127.0.0.1:1" });
await unreachable.get("a").catch(() => {});
await unreachable.close();
process.stdout.write("closed\n");
