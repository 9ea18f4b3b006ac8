/** Batches and updates whose values are of several kinds compile; what is not JSON among them does not. */
import type { Collection, JsonValue } from "../../src/index.ts";

declare const c: Collection<"write" | "atomic">;
declare const unknowns: { key: string; value: unknown }[];
declare const json: JsonValue;

void c.putMany([
  { key: "a", value: 1 },
  { key: "b", value: "text", ttl: 60 },
  { key: "c", value: { d: [null] } },
]);
void c.putMany(new Set([{ key: "a", value: json }]));
void c.putMany(unknowns);
void c.putMany([]);
const mixed = [
  { key: "a", value: 1 },
  { key: "b", value: 1n },
];
// @ts-expect-error a bigint is not JSON
void c.putMany(mixed);
// @ts-expect-error a TTL and a moment exclude each other
void c.putMany([{ key: "a", value: 1, ttl: 1, expiresAt: 2 }]);
// @ts-expect-error an entry has a key
void c.putMany([{ value: 1 }]);

void c.update("a", (value) => value);
void c.update("a", (value) => (value === 1 ? "text" : [2]));
void c.update("a", async (value) => (value === 1 ? undefined : { n: 1 }));
// @ts-expect-error a Date is not JSON
void c.update("a", (value) => (value === 1 ? 1 : { d: new Date() }));

interface User {
  readonly name: string;
  readonly age?: number;
}
declare const users: Collection<"write" | "atomic", User, User>;
void users.putMany([
  { key: "ada", value: { name: "Ada" } },
  { key: "bob", value: { name: "Bob", age: 7 } },
]);
// @ts-expect-error a user has a name
void users.putMany([{ key: "ada", value: { age: 7 } }]);
void users.update("ada", (user) => user && { ...user, age: 8 });
// @ts-expect-error a user has a name
void users.update("ada", () => ({ age: 8 }));
