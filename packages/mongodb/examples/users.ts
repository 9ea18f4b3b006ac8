import { mongodbStore } from "@kv/mongodb";

const store = mongodbStore({ url: process.env.MONGODB_URL ?? "mongodb://localhost:27017" });
const users = store.collection("users");

await users.put("ada", { name: "Ada" }, { ttl: "1h" });
console.log(await users.get("ada")); // { name: "Ada" }
console.log(await users.increment("visits")); // 1

await store.close();
