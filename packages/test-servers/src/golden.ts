// Golden records: what Python's library stores, kept as data.

import { readFile, writeFile } from "node:fs/promises";
import { pythonEnvironment } from "./python.ts";
import type { Server } from "./server.ts";
import type { ServerName } from "./servers/index.ts";
import { startServer } from "./start.ts";

/**
 * Makes the `records.json` of a folder anew, from what its `make.py` prints, with a server of its own.
 * @param input what the script is told of the server
 */
export async function makeGolden(folder: URL, name: ServerName, input: (server: Server) => unknown): Promise<void> {
  const { server, skipped } = await startServer(name, { own: true });
  if (server === undefined) throw new Error(skipped);
  const { python, skipped: missing } = await pythonEnvironment();
  if (python === undefined) throw new Error(missing);
  const script = await readFile(new URL("make.py", folder), "utf8");
  const records = await python.run(script, input(server));
  await writeFile(new URL("records.json", folder), `${JSON.stringify(records, null, 2)}\n`);
  await server.stop();
}
