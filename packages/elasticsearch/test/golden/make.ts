// Makes records.json anew: node --conditions=@kv/source --import tsx test/golden/make.ts

import { readFile, writeFile } from "node:fs/promises";
import { pythonEnvironment, startServer } from "@kv/test-servers";

const { server, skipped } = await startServer("elasticsearch", { own: true });
if (server === undefined) throw new Error(skipped);
const { python, skipped: missing } = await pythonEnvironment();
if (python === undefined) throw new Error(missing);
const script = await readFile(new URL("make.py", import.meta.url), "utf8");
const records = await python.run(script, `http://127.0.0.1:${server.port}`);
await writeFile(new URL("records.json", import.meta.url), `${JSON.stringify(records, null, 2)}\n`);
await server.stop();
