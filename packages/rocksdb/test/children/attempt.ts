// Reads and writes, maybe with no more rights than any user has, and prints the codes of the errors.

import { KeyValueError } from "@kv/core";
import { rocksdbStore } from "@kv/rocksdb";

const [path = "", user] = process.argv.slice(2);
if (user === "nobody" && process.getuid?.() === 0) process.setuid?.(65_534);
const store = rocksdbStore({ path });
for (const attempt of [() => store.get("a"), () => store.put("a", 1)]) {
  try {
    await attempt();
    process.stdout.write("done\n");
  } catch (error) {
    process.stdout.write(error instanceof KeyValueError ? `${error.code} ${error.outcome}\n` : `${error}\n`);
  }
}
await store.close();
process.disconnect();
