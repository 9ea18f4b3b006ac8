// Has the folder open until it is told to close it.
import { rocksdbStore } from "@kv/rocksdb";

const [path = ""] = process.argv.slice(2);
const store = rocksdbStore({ path });

process.on("message", async () => {
  await store.close();
  process.send?.("closed");
  process.disconnect();
});
await store.put("holder", process.pid);
process.send?.("open");
