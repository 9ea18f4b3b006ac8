/** A process with an MCP client whose login lies in a store that others share. */

import { openWhole } from "../../support/stores.ts";
import { loginOf, whoami } from "../support/client.ts";
import type { Answered, ClientCommand, ClientSettings } from "../support/client-messages.ts";

let login: ReturnType<typeof loginOf>;

process.on("message", (command: ClientCommand) => {
  handle(command).then(report, (error: unknown) => report([String(error)]));
});
process.on("disconnect", () => process.exit());

async function handle(command: ClientCommand): Promise<string[]> {
  if (command.type === "start") {
    await start(command.settings);
    return [];
  }
  if (command.type === "callback") {
    await login.finish(new URLSearchParams(command.query));
    return [];
  }
  return Promise.all(Array.from({ length: command.times }, () => whoami(login)));
}

async function start({ storeUrl, key, ...rest }: ClientSettings): Promise<void> {
  const store = await openWhole(storeUrl);
  login = loginOf({ store, keys: [{ id: "1", key: Buffer.from(key, "base64") }], ...rest });
}

function report(results: readonly string[]): void {
  const redirects = login.redirects.splice(0).map(String);
  const answer: Answered = { type: "answered", results, redirects };
  process.send?.(answer);
}
