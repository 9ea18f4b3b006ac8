import { rocksdbStore } from "@kv/rocksdb";
// @ts-expect-error
import rocksdb from "rocksdb";
import { mkdtempSync, rmSync } from "node:fs";
const dir = mkdtempSync("/work/wt/rocksdb/apps/bench/.exp-");
const db = rocksdb(dir + "/raw");
const P = <T>(f: (c: any) => void) => new Promise<T>((r, j) => f((e: any, v: T) => (e ? j(e) : r(v))));
await P((c) => db.open({ cacheSize: 2 ** 25, writeBufferSize: 16_000_000, maxOpenFiles: 500 }, c));
for (const size of [1, 100]) for (const sync of [true, false]) {
const value: any = size === 1 ? { id: 1, name: "Ada Lovelace", email: "u10@mail.com", active: true, score: 40, tags: ["gift"] } : { a: Array.from({ length: 100 }, (_, i) => ({ s: "x".repeat(70), i })) };
const key = (i: number) => `user${size}:${100000 + (i % 1000)}`;
const kv = rocksdbStore({ path: dir + "/kv" + size + sync, sync });
const c = kv.collection("bench");
const keys = Array.from({ length: 100 }, (_, i) => key(i));
for (let i = 0; i < 1000; i++) { await c.put(key(i), value); await P((d) => db.put(key(i), JSON.stringify(value), d)); }
const ops: Record<string, [(() => Promise<any>), (() => Promise<any>)]> = {
  getMany100: [async () => (await P<string[]>((d) => db.getMany(keys, { asBuffer: false }, d))).map((v) => JSON.parse(v)), () => c.getMany(keys)],
  putMany100: [() => P((d) => db.batch(keys.map((k) => ({ type: "put", key: k, value: JSON.stringify(value) })), { sync }, d)), () => c.putMany(keys.map((k) => ({ key: k, value })))],
  put1: [() => P((d) => db.put("user5", JSON.stringify(value), { sync }, d)), () => c.put("user5", value)],
  put64: [() => Promise.all(keys.slice(0, 64).map((k) => P((d) => db.put(k, JSON.stringify(value), { sync }, d)))), () => Promise.all(keys.slice(0, 64).map((k) => c.put(k, value)))],
  get1: [async () => JSON.parse(await P<string>((d) => db.get(keys[5], { asBuffer: false }, d))), () => c.get(keys[5] as string)],
  entries1000: [async () => { const it = db.iterator({ keyAsBuffer: false, valueAsBuffer: false }); let n = 0; for (;;) { const kvp = await new Promise<any>((r, j) => it.next((e: any, k: any, v: any) => (e ? j(e) : r(k === undefined ? undefined : [k, JSON.parse(v)])))); if (!kvp) break; n++; if (n === 1000) break; } await P((d) => it.end(d)); }, async () => { let n = 0; for await (const _ of c.entries()) n++; }],
};
for (const [name, [raw, ours]] of Object.entries(ops)) {
  const n = name.startsWith("get1") || name === "put1" ? 2000 : name === "entries1000" ? 30 : 200;
  const best = [1e9, 1e9];
  for (let round = 0; round < 7; round++) for (const k of [0, 1]) {
    const t = performance.now();
    for (let i = 0; i < (sync ? n / 4 : n); i++) await (k === 0 ? raw() : ours());
    best[k] = Math.min(best[k] as number, (performance.now() - t) / (sync ? n / 4 : n));
  }
  console.log(size === 1 ? "100B" : "10KB", sync ? "sync" : "nosync", name, "raw", ((best[0] as number) * 1000).toFixed(1), "kv", ((best[1] as number) * 1000).toFixed(1), "share", ((best[0] as number) / (best[1] as number)).toFixed(2));
}
await kv.close();
}
rmSync(dir, { recursive: true });
process.exit();
