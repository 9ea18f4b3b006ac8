// MongoDB, or what stands in for it: asked by hand, in messages with one document of one command.

import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { type Server, serverFor, startServer } from "../src/index.ts";

const { server, skipped } = await serverFor(vitest, "mongodb", { own: true });

/** The reply to a command that takes 1, as the text that is in its bytes. */
async function ask(server: Pick<Server, "port" | "ca">, command: string, ...fields: Buffer[]): Promise<string> {
  const elements = [Buffer.from(`\x10${command}\0\x01\0\0\0`), ...fields, Buffer.from("\x02$db\0\x06\0\0\0admin\0")];
  const document = Buffer.concat([Buffer.alloc(4), ...elements, Buffer.alloc(1)]);
  document.writeInt32LE(document.length);
  const message = Buffer.concat([Buffer.alloc(21), document]);
  message.writeInt32LE(message.length);
  message.writeInt32LE(2013, 12);
  const { port, ca } = server;
  const socket = ca === undefined ? connect(port, "127.0.0.1") : connectTls({ port, host: "127.0.0.1", ca });
  socket.write(message);
  const [reply]: Buffer[] = await once(socket, "data");
  // What becomes of the connection when the server ends is nobody's concern any more.
  socket.destroy();
  return reply?.toString("latin1") ?? "";
}

async function start(options: Parameters<typeof startServer<"mongodb">>[1]): Promise<Server> {
  const { server, skipped } = await startServer("mongodb", options);
  if (server === undefined) throw new Error(skipped);
  return server;
}

describe.skipIf(skipped)("mongodb", () => {
  it("answers where it says", async () => {
    expect(server.url).toBe(`mongodb://127.0.0.1:${server.port}/`);
    expect(await ask(server, "hello")).toContain("isWritablePrimary");
    expect(server.external).toBe(false);
  });

  it("answers on the same port after a kill and a restart", async () => {
    await using other = await start({ journal: true });
    const { url } = other;
    await other.kill();
    await expect(ask(other, "hello")).rejects.toThrow("ECONNREFUSED");
    await other.restart();
    expect(other.url).toBe(url);
    expect(await ask(other, "hello")).toContain("isWritablePrimary");
  });

  it("wants a login once it was restarted", async () => {
    await using guarded = await start({ auth: true });
    expect(await ask(guarded, "listDatabases")).toContain("databases");
    await guarded.restart();
    expect(await ask(guarded, "hello")).toContain("isWritablePrimary");
    expect(await ask(guarded, "listDatabases")).toMatch(/requires authentication/);
  });

  it("speaks TLS", async () => {
    await using secure = await start({ tls: true });
    expect(secure.url).toBe(`mongodb://127.0.0.1:${secure.port}/?tls=true`);
    expect(await ask(secure, "hello")).toContain("isWritablePrimary");
  });

  it("fails as it is told to, where it is told that it may", async () => {
    await using failing = await start({ failPoints: true });
    const mode = Buffer.from("\x02mode\0\x04\0\0\0off\0");
    // Its name is text, not a number: that is what it complains of, if it knows the command at all.
    expect(await ask(failing, "configureFailPoint", mode)).not.toContain("no such command");
    expect(await ask(server, "configureFailPoint", mode)).toMatch(/no such command|CommandNotFound/);
  });
});
