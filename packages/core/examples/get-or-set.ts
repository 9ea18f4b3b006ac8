// One call of the factory, and stale values while it is made anew.
import assert from "node:assert/strict";
import { memoryStore } from "@kv/memory";

const reports = memoryStore().collection("reports");

let runs = 0;
const slowReport = async ({ signal }: { signal: AbortSignal }) => {
  signal.throwIfAborted(); // hand it on: it is aborted when nobody waits any more
  return { run: ++runs };
};
const today = () => reports.getOrSet("today", slowReport, { ttl: "1m", staleFor: "1h", timeout: "30s" });

// However many ask at once, in however many processes: one runs it, all get its value.
assert.deepEqual(await Promise.all([today(), today(), today()]), [{ run: 1 }, { run: 1 }, { run: 1 }]);
assert.deepEqual(await reports.get("today"), { run: 1 });
