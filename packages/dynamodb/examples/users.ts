import { createTable, dynamodbStore } from "@kv/dynamodb";

const options = { region: "us-east-1", table: "kv-store", endpoint: process.env.DYNAMODB_URL };
await createTable(options); // once, where nobody else makes it

const store = dynamodbStore(options);
const users = store.collection("users");

await users.put("ada", { name: "Ada" }, { ttl: "1h" });
console.log(await users.get("ada")); // { name: "Ada" }
console.log(await users.increment("visits")); // 1

await store.close();
