// Writes until the disk is full, then makes room by deleting; prints what happens.
import { KeyValueError } from "@kv/core";
import { diskStore } from "@kv/disk";

const [path = ""] = process.argv.slice(2);
const store = diskStore({ path });
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

const text = "x".repeat(30_000);
let stored = 0;
let error: unknown;
while (error === undefined && stored < 1000) {
  try {
    await store.put(`key ${stored}`, text);
    stored++;
  } catch (reason) {
    error = reason;
  }
}
await attempt("full", () => Promise.reject(error));
const many = await Promise.allSettled(Array.from({ length: 20 }, (_, at) => store.put(`more ${at}`, text)));
say(`at once ${new Set(many.map(({ status }) => status)).size}`);
await attempt("read", async () => ((await store.get("key 0")) === text ? "whole" : "broken"));
const keys = Array.from({ length: stored }, (_, at) => `key ${at}`);
await attempt("delete", async () => ((await store.deleteMany(keys)) === stored ? "all" : "some"));
await attempt("put", () => store.put("again", text));
await attempt("read", async () => ((await store.get("again")) === text ? "whole" : "broken"));
await store.close();
process.disconnect();
