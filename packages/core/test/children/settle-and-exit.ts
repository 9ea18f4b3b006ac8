/** Makes calls with deadlines ten minutes away that settle in every way there is, closes, and ought to end by itself. */
import { createStore, type KeyValueError } from "@kv/core";
import { around } from "@kv/core/driver";
import { CompleteDriver } from "../../examples/complete-driver.ts";

const hangs = around(new CompleteDriver(), ({ id }, call, exchange) =>
  id?.key === "hangs" ? new Promise(() => {}) : Promise.resolve(exchange(call)),
);
const store = createStore(hangs, { timeout: "10m" });

await store.get("a");
console.log("answered");

const controller = new AbortController();
const aborted = store.get("hangs", { signal: controller.signal });
controller.abort();
await aborted.catch((error: KeyValueError) => console.log(error.code));

await store.get("hangs", { timeout: 20 }).catch((error: KeyValueError) => console.log(error.code));

await store.get("a", { timeout: "5m" });
await store.close();
console.log("closed");
