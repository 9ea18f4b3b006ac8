#!/usr/bin/env node
/** A client for the command line: lists and calls the tools of an MCP server, and stays logged in. */
import { openStore } from "@kv/core";
import { encryption } from "@kv/core/wrappers";
import type { Client } from "@modelcontextprotocol/client";
import { encryptionKeys } from "../keys.ts";
import { listenForCallback } from "./callback.ts";
import { loggedIn, providerFor } from "./login.ts";
import { type ClientOptions, type Command, clientOptionsFrom, HELP } from "./options.ts";

/** Stdout is for answers, so that they can be piped. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function run({ server, command, store: url, user, callbackPort }: ClientOptions): Promise<void> {
  // Tokens must outlive the process, and of several processes one alone may refresh them.
  const opened = await openStore(url, { needs: ["write", "atomic", "durable"] });
  const callback = await listenForCallback(callbackPort);
  try {
    const keys = await encryptionKeys(url, process.env, say);
    const store = keys.length > 0 ? opened.with(encryption({ keys })) : opened;
    const options = { server, store, user, callback, say };
    if (command.name === "logout") return await providerFor(options).logout();
    await loggedIn(options, (client) => answer(client, command));
  } finally {
    callback.close();
    await opened.close();
  }
}

async function answer(client: Client, command: Exclude<Command, { name: "logout" }>): Promise<void> {
  if (command.name === "list") {
    const { tools } = await client.listTools();
    for (const { name, description = "" } of tools) console.log(`${name.padEnd(20)} ${description}`);
    return;
  }
  const { content, isError } = await client.callTool({ name: command.tool, arguments: command.args });
  for (const part of content) console.log(part.type === "text" ? part.text : JSON.stringify(part));
  if (isError) process.exitCode = 1;
}

/** In one line, with what lies behind it: "fetch failed" alone tells nobody anything. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  let innermost = error;
  while (innermost.cause instanceof Error) innermost = innermost.cause;
  const { message } = error;
  return message.includes(innermost.message) ? message : `${message} (${innermost.message})`;
}

try {
  const options = clientOptionsFrom(process.argv.slice(2), process.env);
  if (options) await run(options);
  else process.stdout.write(HELP);
} catch (error) {
  say(`Failed: ${reasonOf(error)}`);
  process.exitCode = 1;
}
