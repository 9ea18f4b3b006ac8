/** The driver of a store that another store is made of. */
import type { Driver } from "../driver/driver.ts";
import { around } from "../driver/layer.ts";
import { observed } from "../driver/observe.ts";
import { Records } from "../records.ts";
import type { KeyValueStore } from "../store.ts";

/**
 * Through all the store's layers. Each exchange opens the store where that is needed, is waited for when it is closed,
 * and rejects with `StoreClosedError` afterwards.
 */
export function borrowed(store: KeyValueStore<never>): Driver {
  const { connection, driver } = Records.contextOf(store);
  const inner = driver === connection.driver ? connection.layered : driver;
  return around(inner, (_, call, exchange) => {
    connection.begin();
    return observed(call, exchange, () => connection.end());
  });
}
