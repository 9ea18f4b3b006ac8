/** The wrappers around exchanges, in an order that makes sense. */
import assert from "node:assert/strict";
import { StoreUnavailableError, UnsupportedOperationError } from "@kv/core";
import {
  chaos,
  circuitBreaker,
  clampTtl,
  concurrencyLimit,
  logging,
  readOnly,
  retry,
  statistics,
  timeout,
} from "@kv/core/wrappers";
import { memoryStore } from "@kv/memory";

const backend = memoryStore(); // redisStore({ url }) …
const counts = statistics();
const breaker = circuitBreaker({
  slowerThan: "500ms", // slow exchanges open it as failed ones do
  onStateChange: ({ state, reason }) => console.warn(`the circuit is ${state}`, reason ?? ""),
});

const store = backend
  .with(timeout("1s")) // innermost: bounds each attempt
  .with(concurrencyLimit({ max: 64, maxQueued: 1000 }))
  .with(breaker)
  .with(retry({ attempts: 3 })) // repeats what all those inside of it let fail
  .with(clampTtl({ min: "1s", max: "30d", missing: "1d" }))
  .with(logging({ logger: console, slowerThan: "100ms" })) // only what is slow or fails
  .with(counts);

await store.put("ada", { name: "Ada" });
await store.get("ada");
await store.get("bob");
assert.ok(((await store.getEntry("ada"))?.ttl ?? 0) <= 86_400);

const { total } = counts.snapshot(); // by collection, too
assert.equal(total.get?.hits, 2);
assert.equal(total.get?.misses, 1);
assert.equal(breaker.state, "closed");

// Who may only read gets a store that can only read, in its type as well.
const reader = store.with(readOnly());
assert.deepEqual(await reader.get("ada"), { name: "Ada" });
await assert.rejects(Reflect.apply(store.put, reader, ["ada", 1]), UnsupportedOperationError);

// For tests: a tenth of all exchanges fail before they are done, a tenth lose their answer, the same ones each time.
const shaky = backend.with(chaos({ seed: 42, failRate: 0.1, lossRate: 0.1 }));
const ends = await Promise.allSettled(Array.from({ length: 100 }, () => shaky.get("ada")));
assert.ok(ends.some((end) => end.status === "rejected" && end.reason instanceof StoreUnavailableError));

// An order that is surely wrong is an error at once.
assert.throws(() => store.with(timeout("1s")), /put timeout on first, then retry/);

await store.close();
