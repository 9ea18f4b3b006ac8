import { rocksdbStore } from "@kv/rocksdb";

const store = rocksdbStore({ path: "./data" });
const notes = store.collection("notes");

await notes.put("ada", { text: "Wrote the first program" });
await notes.put("draft", { text: "To be thrown away" }, { ttl: "10m" });
console.log(await notes.get("ada")); // { text: "Wrote the first program" }, in the next run of the program too

const runs = await store.increment("runs");
console.log(`run ${runs}`);

await store.close();
