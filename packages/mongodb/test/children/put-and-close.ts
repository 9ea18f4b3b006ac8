// Uses stores and closes them. The process must then end by itself, having printed nothing but what is printed here.

import { mongodbStore } from "../../src/index.ts";

const url = process.argv[2] ?? "";
const store = mongodbStore({ url });
await Promise.all(Array.from({ length: 50 }, (_, at) => store.put(`child-${at}`, at)));
await store.close();
await store.close();
// One that never was used, and one that never was connected.
await mongodbStore({ url }).close();
const unreachable = mongodbStore({ url: "mongodb://127.0.0.1:1" });
await unreachable.get("a").catch(() => {});
await unreachable.close();
// One whose server is known by a name that there is not.
const unknown = mongodbStore({ url: "mongodb+srv://nowhere.invalid", timeout: 500 });
await unknown.get("a").catch(() => {});
await unknown.close();
process.stdout.write("closed\n");
