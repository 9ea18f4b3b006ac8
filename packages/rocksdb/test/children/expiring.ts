// Stores a record that expires in an hour, and ends, with or without closing: the process has to exit by itself.
import { rocksdbStore } from "@kv/rocksdb";

const [path = "", close] = process.argv.slice(2);
const store = rocksdbStore({ path });
await store.put("a", 1, { ttl: "1h" });
if (close === "close") await store.close();
process.disconnect();
process.stdout.write("stored\n");
