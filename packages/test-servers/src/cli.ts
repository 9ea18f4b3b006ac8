// The command line: alone it says which servers can be started here, `up redis …` starts some for a person to play with.

import { once } from "node:events";
import { lookForPython } from "./python.ts";
import { isServerName, recipes, type ServerName } from "./servers/index.ts";
import { externalUrl, startServer } from "./start.ts";
import { lastLine } from "./system.ts";

const usage = `Usage:
  servers                  what can be started here, and what is missing and why
  servers up <server> …    starts servers and prints their URLs; Ctrl-C stops them
Servers: ${Object.keys(recipes).join(", ")}`;

async function list(): Promise<void> {
  for (const recipe of Object.values(recipes)) {
    const url = externalUrl(recipe);
    const looks = recipe.sources.map((source) => ({ name: source.name, look: () => source.look() }));
    const environment = async () => {
      if (url === undefined) throw new Error(`${recipe.variable} is not set`);
      return url;
    };
    await report(recipe.name, [{ name: "environment", look: environment }, ...looks]);
  }
  await report("python", [{ name: "venv", look: lookForPython }]);
}

/** The first place that has it is the one that is taken. */
async function report(title: string, places: readonly { name: string; look(): Promise<string> }[]): Promise<void> {
  const lines: string[] = [];
  let available = false;
  for (const { name, look } of places) {
    const found = await look().then(
      (line) => ({ mark: available ? " " : "*", line }),
      (error: unknown) => ({ mark: "-", line: lastLine(error) }),
    );
    available ||= found.mark === "*";
    lines.push(`  ${found.mark} ${name.padEnd(12)} ${found.line}`);
  }
  print(`${title}: ${available ? "available" : "missing"}`);
  for (const line of lines) print(line);
}

async function up(names: readonly ServerName[]): Promise<void> {
  const interrupted = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  const alive = setInterval(() => {}, 1 << 30); // Our servers do not keep the process alive by themselves.
  const servers = [];
  for (const name of names) {
    const { server, skipped } = await startServer(name, { own: true });
    if (server === undefined) print(`${name} is not available: ${skipped}`);
    else {
      servers.push(server);
      print(`${name} is at ${server.url}\n  --store ${server.url}`);
    }
  }
  if (servers.length === 0) process.exitCode = 1;
  else {
    print("Ctrl-C stops what runs here, and removes its data.");
    await interrupted;
    await Promise.all(servers.map((server) => server.stop()));
  }
  clearInterval(alive);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const [command, ...names] = process.argv.slice(2);
if (command === undefined) await list();
else if (command === "up" && names.length > 0 && names.every(isServerName)) await up(names);
else {
  print(usage);
  process.exitCode = 2;
}
