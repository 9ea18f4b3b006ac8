/** Which types `put` takes. */
import type { Jsonable, JsonObject, JsonValue, KeyValueStore } from "@kv/core";

declare const store: KeyValueStore<"write">;
declare const json: JsonValue;
declare const object: JsonObject;

// What is known to be JSON, and no more, is taken as it is.
await store.put("key", json);
await store.put("key", object);
await store.put("key", { nested: json, list: [json, object] });
await store.putMany([{ key: "key", value: json }]);

interface User {
  name: string;
  email?: string | undefined;
}
declare const user: User;
await store.put("key", user);

// @ts-expect-error a Date is no JSON
await store.put("key", { at: new Date() });
// @ts-expect-error nor is a function
await store.put("key", () => 1);
// @ts-expect-error nor a part that may be one
await store.put("key", json as JsonValue | (() => string));

export type IsNever<T> = [T] extends [never] ? true : false;
export const refused: readonly [IsNever<Jsonable<() => void>>, IsNever<Jsonable<Map<string, string>>>] = [true, true];
