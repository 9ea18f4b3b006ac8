import { valkeyStore } from "@kv/valkey";

const store = valkeyStore({ url: process.env.VALKEY_URL ?? "valkey://localhost:6379" });
const users = store.collection("users");

await users.put("ada", { name: "Ada" }, { ttl: "1h" });
console.log(await users.get("ada")); // { name: "Ada" }
console.log(await users.increment("visits")); // 1

await store.close();
