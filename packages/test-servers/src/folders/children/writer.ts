// Writes without end, until it is killed; prints what each resolved write has stored.
import { openStore } from "@kv/core";

const [url = "", round = ""] = process.argv.slice(2);
const store = await openStore(url, { needs: ["write", "atomic"] });

async function puts(writer: number): Promise<void> {
  for (let count = 0; ; count++) {
    const key = `${round}-${writer}-${count}`;
    await store.put(key, { key, text: "x".repeat((count * 977) % 9000) }, count % 3 === 0 ? { ttl: "1h" } : {});
    process.stdout.write(`put ${key}\n`);
  }
}

async function counts(): Promise<void> {
  for (;;) process.stdout.write(`count ${await store.increment("counter")}\n`);
}

await Promise.all([...[1, 2, 3, 4].map(puts), counts()]);
