// Ends in the midst of reads, writes and enumerations, without closing anything.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { rocksdbStore } from "@kv/rocksdb";

const [path = "", how] = isMainThread ? process.argv.slice(2) : workerData;

async function work(): Promise<void> {
  const store = rocksdbStore({ path });
  await store.putMany(Array.from({ length: 1000 }, (_, at) => ({ key: `${at}`, value: "x".repeat(1000) })));
  const forever = async (action: () => Promise<unknown>) => {
    for (;;) await action();
  };
  for (let at = 0; at < 8; at++) {
    void forever(() => store.put(`${at}`, at, { ttl: 10 }));
    void forever(() => store.get(`${at}`));
    void forever(() => store.increment(`counter ${at}`));
    void forever(async () => {
      for await (const _ of store.collection().entries());
    });
  }
  await store.get("0");
}

if (!isMainThread) {
  await work();
  parentPort?.postMessage("busy");
} else if (how === "worker") {
  // A worker does not have the loader of its process.
  const code = `import { register } from "${import.meta.resolve("tsx/esm/api")}"; register(); import("${import.meta.url}");`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData: [path] });
  await new Promise((resolve) => worker.once("message", resolve));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await worker.terminate();
  process.stdout.write("busy\n");
  process.disconnect();
} else {
  await work();
  process.stdout.write("busy\n", () => {
    setTimeout(() => {
      if (how === "exit") process.exit(0);
      process.on("uncaughtException", () => process.exit(7));
      throw new Error("an error of the program");
    }, 50);
  });
}
