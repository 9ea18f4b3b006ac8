// Reads and writes, maybe with no more rights than any user has, and prints the codes of the errors.
import { KeyValueError, openStore } from "@kv/core";

const [url = "", user] = process.argv.slice(2);
const store = await openStore(url, { needs: ["write"] });
if (user === "nobody" && process.getuid?.() === 0) process.setuid?.(65_534);
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
