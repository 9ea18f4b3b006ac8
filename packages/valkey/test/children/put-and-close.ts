// Uses a store and closes it. The process must then end by itself, having printed nothing but what is printed here.

import { valkeyStore } from "../../src/index.ts";

const url = process.argv[2] ?? "";
const store = valkeyStore({ url });
await Promise.all(Array.from({ length: 50 }, (_, at) => store.put(`child-${at}`, at)));
await store.close();
await store.close();
// One that never was used, and one that never was connected.
await valkeyStore({ url }).close();
const unreachable = valkeyStore({ url: "valkey://127.0.0.1:1" });
await unreachable.get("a").catch(() => {});
await unreachable.close();
// One whose connection is lost, and which glide would say much about.
const { port } = new URL(url);
const password = "wrong";
const refused = valkeyStore({ host: "127.0.0.1", port: Number(port), username: "nobody", password });
await refused.get("a").catch(() => {});
await refused.close();
process.stdout.write("closed\n");
