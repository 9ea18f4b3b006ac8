// Lets the disk fill up behind the store's back, so that RocksDB itself fails in the midst of writing its log; makes room,
// writes on, and is killed. Run again, it prints what is there.
import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { KeyValueError } from "@kv/core";
import { rocksdbStore } from "@kv/rocksdb";

const [path = "", phase] = process.argv.slice(2);
const store = rocksdbStore({ path, sync: false, timeout: "60s" });
const say = (line: string) => process.stdout.write(`${line}\n`);
// RocksDB has set aside room in its log for two of them.
const large = "x".repeat(30_000_000);

if (phase === "write") {
  await store.put("before", 1);
  const filler = join(dirname(path), "filler");
  const fill = (size: number) => {
    try {
      for (;;) writeFileSync(filler, Buffer.alloc(size), { flag: "a" });
    } catch {
      if (size > 1) fill(Math.floor(size / 16));
    }
  };
  await store.put("look", 1);
  const attempts = ["large 1", "large 2", "large 3"].map((key) =>
    store.put(key, large).catch((error: unknown) => error),
  );
  // By now it has been looked whether there is room, and nothing has been written yet.
  fill(2 ** 24);
  for (const failed of await Promise.all(attempts)) {
    say(`full ${failed instanceof KeyValueError ? `${failed.code} ${failed.outcome}` : failed}`);
  }
  say(`read ${await store.get("before")}`);
  const still = await store.put("still", 1).catch((error: unknown) => error);
  say(`still ${still instanceof KeyValueError ? `${still.code} ${still.outcome}` : still}`);
  say(`read ${await store.get("before")}`);
  rmSync(filler);
  await store.put("after", 1);
  await store.increment("after too");
  say("written");
  process.kill(process.pid, "SIGKILL");
} else {
  say(`found ${await store.getMany(["before", "look", "after", "after too"])}`);
  say(`whole ${(await store.getMany(["large 1", "large 2"])).map((value) => value === large)}`);
  await store.close();
  process.disconnect?.();
}
