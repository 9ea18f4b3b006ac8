// What a store's type says it can do: through stacks of wrappers, narrowing and generics.

import {
  type CapabilitiesOf,
  type Capability,
  type Collection,
  createStore,
  type KeyValueStore,
  openStore,
} from "@kv/core";
import { type Driver, defineLayer, type Layer } from "@kv/core/driver";
import { telemetry } from "@kv/core/telemetry";
import {
  chaos,
  circuitBreaker,
  clampTtl,
  compression,
  concurrencyLimit,
  defaultValue,
  encryption,
  fernetEncryption,
  limitSize,
  logging,
  prefixCollections,
  prefixKeys,
  readOnly,
  reencrypt,
  retry,
  singleCollection,
  statistics,
  timeout,
} from "@kv/core/wrappers";
import { memoryStore } from "@kv/memory";
import { completeStore } from "../../examples/complete-driver.ts";
import { type MinimalDriver, minimalStore } from "../../examples/minimal-driver.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const all = completeStore();
const least = minimalStore();
const keys = [{ id: "a", key: new Uint8Array(32) }];

// A driver's capabilities are its store's.
same<CapabilitiesOf<MinimalDriver>, "write" | "durable">(true);
same<typeof least, KeyValueStore<"write" | "durable">>(true);
same<typeof all, KeyValueStore<Capability>>(true);
same<typeof all, ReturnType<typeof memoryStore>>(false);
memoryStore().increment("a");
// A driver whose capabilities are known only at run time gives a store that can only read.
declare const unknown: Driver;
same<ReturnType<typeof createStore<typeof unknown>>, KeyValueStore<never>>(true);
createStore(unknown).get("a");
// @ts-expect-error
createStore(unknown).put("a", 1);

// What is there compiles, what is not does not, on the store and on its collections.
least.put("a", 1);
least.collection("c").put("a", 1);
least.deleteMany(["a"]);
// @ts-expect-error
least.increment("a");
// @ts-expect-error
least.putIfAbsent("a", 1);
// @ts-expect-error
least.take("a");
// @ts-expect-error
least.update("a", () => 1);
// @ts-expect-error
least.touch("a", 1);
// @ts-expect-error
least.collection("c").keys();
// @ts-expect-error
least.collection("c").entries();
// @ts-expect-error
least.collections();
// @ts-expect-error
least.collection("c").clear();
// @ts-expect-error
least.clearAll();
// @ts-expect-error
least.cull();

// The same through any stack of wrappers.
const stacked = least.with(encryption({ keys })).with(prefixCollections("p")).with(retry());
same<typeof stacked, typeof least>(true);
stacked.put("a", 1);
// @ts-expect-error
stacked.collection("c").keys();
// @ts-expect-error
stacked.increment("a");
all.with(encryption({ keys })).with(prefixCollections("p")).with(retry()).collection("c").increment("a");

// The wrappers around exchanges change nothing of it, but for readOnly.
function observed<C extends Capability>(store: KeyValueStore<C>) {
  return store
    .with(timeout("1s"))
    .with(retry())
    .with(clampTtl({ max: "1d" }))
    .with(logging({ logger: console }))
    .with(statistics())
    .with(circuitBreaker())
    .with(concurrencyLimit({ max: 8 }))
    .with(chaos({ seed: 1 }))
    .with(telemetry());
}
const around = observed(least);
same<typeof around, typeof least>(true);
const guarding = observed(all.with(readOnly()));
same<typeof guarding, KeyValueStore<"enumerate" | "durable">>(true);
guarding.collections();
// @ts-expect-error
guarding.collection("c").put("a", 1);
// @ts-expect-error
guarding.putMany([]);
// @ts-expect-error
guarding.delete("a");
// @ts-expect-error
guarding.collection("c").touch("a", null);
// @ts-expect-error
guarding.clearAll();
// @ts-expect-error
const writable: KeyValueStore<"write"> = guarding;
// @ts-expect-error
logging({ logger: { info() {} } });
// @ts-expect-error
concurrencyLimit({});
// @ts-expect-error
clampTtl({ max: "1 day" });
void writable;

// A layer takes away what it withdraws, and does not go on a store that lacks what it needs.
const leases = defineLayer("leases", (inner) => inner, { needs: ["atomic"] });
same<ReturnType<typeof readOnly>, Layer<never, "write" | "atomic" | "clear">>(true);
const reading = all.with(readOnly());
same<typeof reading, KeyValueStore<"enumerate" | "durable">>(true);
same<typeof leases, Layer<"atomic">>(true);
reading.collection("c").keys();
// @ts-expect-error
reading.put("a", 1);
// @ts-expect-error
reading.with(retry()).increment("a");
all.with(leases).with(retry()).increment("a");
// @ts-expect-error
least.with(leases);
// @ts-expect-error
all.with(readOnly()).with(leases);
all.with(leases).with(readOnly());
// @ts-expect-error
all.with(readOnly()).with(retry()).with(leases);
// @ts-expect-error
defineLayer("misspelt", (inner) => inner, { needs: ["atomics"] });

// A store that can do more is one that can do less, never the other way round.
const some: KeyValueStore<"atomic"> = all;
const none: KeyValueStore<never> = least;
const part: Collection<"write"> = all.collection("c");
// @ts-expect-error
const more: KeyValueStore<"enumerate"> = least;
// @ts-expect-error
const wrong: Collection<"clear"> = least.collection("c");
void [some, none, part, more, wrong];

// openStore says what was asked for, and nothing more.
const opened = await openStore("memory:", { needs: ["atomic", "write"] });
same<typeof opened, KeyValueStore<"atomic" | "write">>(true);
opened.increment("a");
// @ts-expect-error
opened.collections();
const any = await openStore("memory:");
same<typeof any, KeyValueStore<never>>(true);
any.get("a");
// @ts-expect-error
any.put("a", 1);
// @ts-expect-error
openStore("memory:", { needs: ["atomics"] });

// can() narrows, in branches and by leaving early.
if (any.can("atomic", "write")) {
  any.increment("a");
  any.put("a", 1);
  any.with(encryption({ keys })).collection("c").increment("a");
  // @ts-expect-error
  any.collections();
} else {
  // @ts-expect-error
  any.put("a", 1);
}
const collection = any.collection("c");
if (collection.can("enumerate")) collection.keys();
// @ts-expect-error
collection.clear();
function early(store: KeyValueStore<never>) {
  if (!store.can("enumerate", "clear")) throw new Error("no");
  store.collections();
  return store.clearAll();
}
early(least);
// @ts-expect-error
any.can("atomics");

// Functions over stores state what they need, and give back what the caller's store can do.
function count<C extends Capability>(store: KeyValueStore<C | "atomic">) {
  store.increment("visits");
  // @ts-expect-error
  store.collections();
  return store;
}
function guarded<C extends Capability>(store: KeyValueStore<C | "write">) {
  return store.with(encryption({ keys })).with(retry());
}
count(all).increment("a");
// @ts-expect-error
count(least);
guarded(least).put("a", 1);
guarded(all).collections();
function uses(store: KeyValueStore<"atomic" | "write">) {
  store.put("a", 1);
  return store.collection("c").update("a", () => 1);
}
uses(all);
// @ts-expect-error
uses(least);
// @ts-expect-error
uses(all.with(readOnly()));

// The wrappers of names and values leave the capabilities as they are, and reencrypt needs what it uses.
const wrapped = least
  .with(fernetEncryption({ keys: [""] }))
  .with(compression({ format: "python" }))
  .with(limitSize({ max: 1 }))
  .with(prefixKeys("p"))
  .with(singleCollection("s"))
  .with(defaultValue({ a: [1] }));
same<typeof wrapped, typeof least>(true);
const whole = all
  .with(encryption({ keys, acceptPlaintext: true }))
  .with(compression())
  .with(limitSize({ min: 1 }))
  .with(prefixKeys("p"))
  .with(singleCollection("s"))
  .with(defaultValue(0));
same<typeof whole, typeof all>(true);
whole.with(retry()).clearAll();
reencrypt(whole);
// @ts-expect-error
reencrypt(wrapped);
// @ts-expect-error
reencrypt(all.with(readOnly()));
// @ts-expect-error
defaultValue(new Date());
// @ts-expect-error
defaultValue({ at: 1n });
// @ts-expect-error
compression({ algorithm: "lzma" });
// @ts-expect-error
compression({ format: "java" });
// @ts-expect-error
fernetEncryption({ keys: [new Uint8Array(32)] });
// @ts-expect-error
fernetEncryption({});
// @ts-expect-error
limitSize({ maximum: 1 });
// @ts-expect-error
prefixKeys();
