/** Makes calls with deadlines ten minutes away that settle in every way there is, closes, and ought to end by itself. */
import { createStore, type KeyValueError, StoreUnavailableError } from "@kv/core";
import { around } from "@kv/core/driver";
import { retry } from "@kv/core/wrappers";
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

// Fails once nobody waits any more: the pause before another attempt must not be begun.
const failing = around(new CompleteDriver(), () => {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new StoreUnavailableError("gone")), 20);
  });
});
const retried = createStore(failing, { timeout: "10m" }).with(retry({ baseDelay: "9m", maxDelay: "9m" }));
const second = new AbortController();
const given = retried.get("a", { signal: second.signal });
second.abort();
await given.catch((error: KeyValueError) => console.log(error.code));

await store.get("a", { timeout: "5m" });
await store.close();
console.log("closed");
