import { memcachedStore } from "@kv/memcached";

const store = memcachedStore({ url: process.env.MEMCACHED_URL ?? "memcached://localhost:11211" });
const users = store.collection("users");

await users.put("ada", { name: "Ada" }, { ttl: "1h" });
console.log(await users.get("ada")); // { name: "Ada" }
console.log(await users.increment("visits")); // 1

await store.close();
