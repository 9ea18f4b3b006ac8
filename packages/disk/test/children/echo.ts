// Stores each number that it is sent, then sends it back, until it is told to stop.
import { diskStore } from "@kv/disk";

const [path = ""] = process.argv.slice(2);
const store = diskStore({ path, sync: false });

process.on("message", async (message) => {
  if (typeof message !== "number") {
    await store.close();
    process.disconnect();
    return;
  }
  await store.put("number", message);
  process.send?.(message);
});
await store.get("number");
process.send?.("ready");
