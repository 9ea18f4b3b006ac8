// Increments one counter so many times, several at once.
import { diskStore } from "@kv/disk";

const [path = "", times = "0"] = process.argv.slice(2);
const store = diskStore({ path, timeout: "60s", sync: false });
const left = { count: Number(times) };

async function work(): Promise<void> {
  while (left.count-- > 0) await store.increment("counter");
}

await Promise.all([work(), work()]);
await store.close();
process.disconnect();
