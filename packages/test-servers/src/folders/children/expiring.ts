// Stores a record that expires in an hour, and ends, with or without closing: the process has to exit by itself.
import { openStore } from "@kv/core";

const [url = "", close] = process.argv.slice(2);
const store = await openStore(url, { needs: ["write"] });
await store.put("a", 1, { ttl: "1h" });
if (close === "close") await store.close();
process.disconnect();
process.stdout.write("stored\n");
