// Uses a store and closes it. The process must then end by itself, having printed nothing but what is printed here.
// Arguments: the URL of the store, and those of stores that nobody can connect.

import { openStore } from "@kv/core";

const [url = "", ...unreachable] = process.argv.slice(2);
const store = await openStore(url, { needs: ["write"], timeout: "60s" });
await Promise.all(Array.from({ length: 50 }, (_, at) => store.put(`child-${at}`, at)));
await store.close();
await store.close();
// One that never was used, and some that never were connected.
await (await openStore(url)).close();
for (const nowhere of unreachable) {
  const unconnected = await openStore(nowhere, { timeout: 500 });
  await unconnected.get("a").catch(() => {});
  await unconnected.close();
}
process.stdout.write("closed\n");
