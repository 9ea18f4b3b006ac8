#!/usr/bin/env node
/** Puts the parts together: options, documents, store, cache, transport; and takes them apart again on SIGTERM. */
import { KeyValueError } from "@kv/core";
import { retry } from "@kv/core/wrappers";
import { responseCache } from "@kv/mcp/server";
import type { AuthInfo, McpServer } from "@modelcontextprotocol/server";
import { Documents } from "./documents.ts";
import { serveHttp } from "./http.ts";
import { encryptionKeys } from "./keys.ts";
import { Notes, ownerOf } from "./notes.ts";
import { HELP, type Options, optionsFrom, UsageError } from "./options.ts";
import { createServer, LIST_TTL, SERVER } from "./server.ts";
import { StatusReader } from "./status.ts";
import { serveStdio } from "./stdio.ts";
import { openWatched, shown } from "./store.ts";

/** How long calls in flight may take when the server stops, in milliseconds: less than what Docker allows. */
const GRACE = 8000;

/** Stdout belongs to the protocol where stdio is spoken, so all that is for people goes to stderr. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function run(options: Options): Promise<void> {
  const documents = await Documents.in(options.docs);
  const keysFor = (url: string) => encryptionKeys(url, process.env, say);
  const { store, counted, failed } = await openWatched(options.store, keysFor, say);
  try {
    const cache = responseCache({
      store,
      server: SERVER,
      // An answer is good for as long as no document changes.
      revision: () => documents.revision(),
      tools: { items: { list_notes: { ttl: LIST_TTL } } },
      // Documents change at any time, of which no client is told: so none should keep an answer itself.
      announceTtl: false,
      onError: failed,
    });
    const notes = new Notes(store.with(retry()));
    const create = (authInfo?: AuthInfo): McpServer =>
      createServer({ documents, notes, cache, failed }, ownerOf(authInfo));
    const status = new StatusReader({ store, counted, cache, options });

    let clientGone: () => void = () => {};
    const ended = new Promise<string>((resolve) => {
      clientGone = () => resolve("the client has gone");
      for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => resolve(signal));
    });
    const serving = options.stdio
      ? serveStdio(() => create(), clientGone, say)
      : await serveHttp(create, status, options, say);
    const { where, behind, howToConnect } = serving;
    const listening = behind === undefined ? "" : `listening on ${behind}, `;
    const what = `${listening}${await documents.count()} documents of ${documents.folder}, store ${shown(options.store)}`;
    say(`Serving on ${where}: ${what}. Connect: ${howToConnect}`);

    const reason = await ended;
    say(`Stopping (${reason}), calls in flight: ${serving.calls}`);
    await serving.stop(GRACE);
  } finally {
    await store.close();
  }
}

try {
  const options = optionsFrom(process.argv.slice(2), process.env);
  if (options) await run(options);
  else process.stdout.write(HELP);
} catch (error) {
  if (!(error instanceof UsageError || error instanceof KeyValueError)) throw error;
  say(`Cannot start: ${error.message}`);
  process.exitCode = 1;
}
