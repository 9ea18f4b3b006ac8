/** Stores a record that expires in an hour, and ends: the process has to exit by itself. */
import { memoryStore } from "../../src/index.ts";

await memoryStore().put("a", 1, { ttl: "1h" });
process.stdout.write("stored\n");
