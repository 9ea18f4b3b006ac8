// Writes until the disk is full, then makes room by deleting; prints what happens.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { KeyValueError } from "@kv/core";
import { rocksdbStore } from "@kv/rocksdb";

const [path = ""] = process.argv.slice(2);
const store = rocksdbStore({ path, sync: false, timeout: "60s" });
const say = (line: string) => process.stdout.write(`${line}\n`);
process.on("unhandledRejection", (error) => say(`unhandled ${error}`));

async function attempt(name: string, action: () => Promise<unknown>): Promise<boolean> {
  try {
    say(`${name} ${await action()}`);
    return true;
  } catch (error) {
    say(`${name} ${error instanceof KeyValueError ? `${error.code} ${error.outcome}` : error}`);
    return false;
  }
}

// What cannot be compressed.
const text = randomBytes(150_000).toString("base64");
let stored = 0;
let error: unknown;
while (error === undefined && stored < 5000) {
  try {
    await store.put(`key ${stored}`, text);
    stored++;
  } catch (reason) {
    error = reason;
  }
}
await attempt("full", () => Promise.reject(error));
const more = Array.from({ length: 100 }, (_, at) => `more ${at}`);
const many = await Promise.allSettled(more.map((key) => store.put(key, text)));
const refused = many.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
say(`at once ${[...new Set(refused.map((one) => (one instanceof KeyValueError ? one.code : one)))]}`);
const keys = Array.from({ length: stored }, (_, at) => `key ${at}`);
await attempt("read", async () => ((await store.getMany(keys)).every((one) => one === text) ? "whole" : "broken"));
await store.deleteMany(more);
await attempt("delete", async () => ((await store.deleteMany(keys)) === stored ? "all" : "some"));
// As much as there was fits again: what was deleted is cleared away when there is need of its room.
for (const key of keys) {
  const put = () =>
    store.put(key, text).then(
      () => true,
      () => false,
    );
  while (!(await put())) await sleep(20);
}
await attempt("read", async () => ((await store.getMany(keys)).every((one) => one === text) ? "whole" : "broken"));
await store.close();
process.disconnect?.();
