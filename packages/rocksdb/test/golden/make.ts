// Makes the folder `format-1` as this release writes it: run once for each version of the format, then kept for ever.
import { cpSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rocksdbStore } from "@kv/rocksdb";

const path = join(mkdtempSync(join(tmpdir(), "kv-rocksdb-")), "store");
const target = fileURLToPath(new URL("format-1", import.meta.url));

const first = rocksdbStore({ path });
await first.put("ada", { name: "Ada", tags: ["a", 1, true, null] });
await first.put("empty", "");
await first.put("k".repeat(3000), ["long key"]);
await first.put("expiring", 42, { expiresAt: new Date("9999-01-01T00:00:00Z") });
await first.collection("c".repeat(1500)).put("k", "long collection");
await first.close();
// Opening it again puts in order what is in the log; what comes now stays in the log.
const second = rocksdbStore({ path });
await second.collection("Größe \0\x01 ✓").put("schlüssel/☃", "Lång text ✓ 😀");
await second.delete("empty");
await second.put("empty", "");
await second.close();

rmSync(target, { recursive: true, force: true });
cpSync(path, target, { recursive: true, filter: (source) => !/LOCK|OPTIONS|IDENTITY/.test(source) });
// Git is told to ignore logs.
for (const name of readdirSync(join(target, "data"))) {
  if (name.endsWith(".log")) renameSync(join(target, "data", name), join(target, "data", `${name}.bin`));
}
