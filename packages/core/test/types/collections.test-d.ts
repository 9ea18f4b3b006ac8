// Typed collections: what goes in by the schema's input, what comes out by its output.

import type { Collection, Entry, JsonValue, Revision } from "@kv/core";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { completeStore } from "../../examples/complete-driver.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const store = completeStore();

// Without a schema: any JSON in, JsonValue out.
const plain = store.collection("c");
const value = await plain.get("a");
same<typeof value, JsonValue | undefined>(true);
plain.put("a", { any: ["thing", null, { at: 1 }] });
if (typeof value === "object" && value !== null && "name" in value) void value;

// With one, of any library: its input in, its output out.
const schema = z.object({
  name: z.string(),
  age: z.number().default(18),
  at: z.iso.datetime().transform((text) => new Date(text)),
});
const users = store.collection("users", { schema });
type In = { name: string; age?: number | undefined; at: string };
type Out = { name: string; age: number; at: Date };
const user = await users.get("ada");
same<typeof user, Out | undefined>(true);
same<Awaited<ReturnType<typeof users.getMany>>, (Out | undefined)[]>(true);
same<Awaited<ReturnType<typeof users.getEntry>>, Entry<Out> | undefined>(true);
same<Awaited<ReturnType<typeof users.take>>, Out | undefined>(true);
for await (const entry of users.entries()) same<typeof entry, Entry<Out>>(true);
for await (const key of users.keys()) same<typeof key, string>(true);

declare const given: In;
declare const revision: Revision;
users.put("ada", given);
users.put("ada", { name: "Ada", at: "2026-11-22T15:01:08Z" });
users.putIfAbsent("ada", given);
users.compareAndSwap("ada", revision, given);
users.putMany([{ key: "ada", value: given, ttl: "1h" }]);
users.update("ada", (current) => {
  same<typeof current, Out | undefined>(true);
  return { name: current?.name ?? "", at: "2026-11-22T15:01:08Z" };
});
users.update("ada", () => undefined);
users.update("ada", async (current) => ({ ...given, age: (current?.age ?? 0) + 1 }));
// @ts-expect-error
users.put("ada", { name: 1, at: "" });
// @ts-expect-error
users.put("ada", { name: "Ada" });
// @ts-expect-error
users.put("ada", "Ada");
// @ts-expect-error
users.putIfAbsent("ada", { name: "Ada", at: new Date() });
// @ts-expect-error
users.compareAndSwap("ada", "not a revision", given);
// @ts-expect-error
users.putMany([{ key: "ada", value: { name: 1 } }]);
// @ts-expect-error
users.update("ada", () => ({ name: 1 }));
// @ts-expect-error
users.update("ada", () => null);

const byValibot = store.collection("v", { schema: v.object({ n: v.optional(v.number(), 1) }) });
same<Awaited<ReturnType<typeof byValibot.get>>, { n: number } | undefined>(true);
byValibot.put("a", {});
// @ts-expect-error
byValibot.put("a", { n: "1" });
const byArktype = store.collection("a", { schema: type({ n: "number = 1" }) });
same<Awaited<ReturnType<typeof byArktype.get>>, { n: number } | undefined>(true);
byArktype.put("a", {});
// @ts-expect-error
byArktype.put("a", { n: "1" });

// A function may take any collection whose values it can use.
function names(from: Collection<"enumerate", { name: string }, never>) {
  return from.entries();
}
names(users);
// @ts-expect-error
names(byValibot);

// Options: a TTL or a moment, not both; a duration with a unit.
plain.put("a", 1, { ttl: 1.5, timeout: "2s", signal: AbortSignal.timeout(1) });
plain.put("a", 1, { ttl: "1.5h" });
plain.put("a", 1, { expiresAt: new Date() });
plain.update("a", () => 1, { keepTtl: true });
plain.touch("a", null);
// @ts-expect-error
plain.put("a", 1, { ttl: 1, expiresAt: 1 });
// @ts-expect-error
plain.put("a", 1, { ttl: "1 hour" });
// @ts-expect-error
plain.put("a", 1, { ttl: "1y" });
// @ts-expect-error
plain.put("a", 1, { expires: 1 });
// @ts-expect-error
plain.update("a", () => 1, { keepTtl: true, ttl: 1 });
// @ts-expect-error
plain.touch("a");
// @ts-expect-error
plain.get("a", { timeout: 1n });

// A revision comes from a store only, and is text where text is wanted.
const text: string = revision;
// @ts-expect-error
const forged: Revision = "r";
void [text, forged];

// getOrSet gives undefined only where its factory may; what it makes must fit.
const made = plain.getOrSet("a", () => 1, { ttl: "1m", staleFor: "1h", timeout: "2s" });
same<Awaited<typeof made>, JsonValue>(true);
const maybe = plain.getOrSet("a", async ({ signal }) => (signal.aborted ? undefined : "text"));
same<Awaited<typeof maybe>, JsonValue | undefined>(true);
const ada = users.getOrSet("ada", () => given);
same<Awaited<typeof ada>, Awaited<ReturnType<typeof users.get>> & {}>(true);
// @ts-expect-error
plain.getOrSet("a", () => new Date());
// @ts-expect-error
plain.getOrSet("a", async () => ({ at: new Date() }));
// @ts-expect-error
users.getOrSet("ada", () => ({ name: 1 }));
// @ts-expect-error
plain.getOrSet("a", 1);
// @ts-expect-error
plain.getOrSet("a", () => 1, { expiresAt: 1 });
