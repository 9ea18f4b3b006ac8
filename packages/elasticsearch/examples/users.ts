import { elasticsearchStore } from "@kv/elasticsearch";

const store = elasticsearchStore({ url: process.env.ELASTICSEARCH_URL ?? "elasticsearch://localhost:9200/my_app" });
const users = store.collection("users");

await users.put("ada", { name: "Ada" }, { ttl: "1h" });
console.log(await users.get("ada")); // { name: "Ada" }
console.log(await users.increment("visits")); // 1

await store.close();
