// memcached as its tests need it: plain, with a login, with TLS, with larger items. Asked in its text protocol, or by bytes.

import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { serverFor, startServer } from "../src/index.ts";
import type { MemcachedOptions } from "../src/servers/memcached.ts";

const { server: plain, skipped } = await serverFor(vitest, "memcached", { own: true });

async function start(options: MemcachedOptions) {
  const { server, skipped } = await startServer("memcached", { own: true, ...options });
  if (server === undefined) throw new Error(skipped);
  return server;
}

/** The first bytes that a server says to a request. */
async function ask(server: { readonly port: number; readonly ca?: string | undefined }, request: string | Buffer) {
  const { port, ca } = server;
  const socket = ca ? connectTls({ port, host: "127.0.0.1", ca }) : connect(port, "127.0.0.1");
  socket.write(request);
  const [reply]: Buffer[] = await once(socket, "data");
  socket.destroy();
  return reply?.toString("latin1") ?? "";
}

/** SASL's PLAIN in the binary protocol. */
function login(username: string, password: string): Buffer {
  const key = Buffer.from("PLAIN");
  const value = Buffer.from(`\0${username}\0${password}`);
  const header = Buffer.alloc(24);
  header.writeUInt16BE(0x8021, 0);
  header.writeUInt16BE(key.length, 2);
  header.writeUInt32BE(key.length + value.length, 8);
  return Buffer.concat([header, key, value]);
}

describe.skipIf(skipped)("memcached", () => {
  it("answers where it says, and has forgotten all after a restart", async () => {
    expect(plain.url).toBe(`memcached://127.0.0.1:${plain.port}`);
    expect(await ask(plain, "set key 0 0 5\r\nthere\r\n")).toBe("STORED\r\n");
    expect(await ask(plain, "get key\r\n")).toContain("there");
    await plain.restart();
    expect(await ask(plain, "get key\r\n")).toBe("END\r\n");
  });

  it.skipIf(!existsSync("/proc/self/task"))("stands still with all its threads once it is paused", async () => {
    const [, pid] = /STAT pid (\d+)/.exec(await ask(plain, "stats\r\n")) ?? [];
    const threads = `/proc/${pid}/task`;
    const moving: string[] = [];
    for (let round = 0; round < 100; round++) {
      plain.pause();
      for (const id of readdirSync(threads)) {
        const [, state = ""] = /\) (\w)/.exec(readFileSync(`${threads}/${id}/stat`, "utf8")) ?? [];
        if (state !== "T") moving.push(state);
      }
      plain.resume();
      // Its threads are awake again, and need to be put to rest anew.
      await ask(plain, "get key\r\n");
    }
    expect(moving).toEqual([]);
  });

  it("takes items as large as told", async () => {
    await using server = await start({ maxItemSize: "2m", memory: 100 });
    const settings = await ask(server, "stats settings\r\n");
    expect(settings).toContain(`item_size_max ${2 * 2 ** 20}`);
    expect(settings).toContain(`maxbytes ${100 * 2 ** 20}`);
  });

  it("lets in who knows the password, and nobody else", async () => {
    await using server = await start({ sasl: { username: "app", password: "p w:/@" } });
    expect(server.url).toBe(`memcached://app:p%20w%3A%2F%40@127.0.0.1:${server.port}`);
    expect(await ask(server, login("app", "p w:/@"))).toContain("Authenticated");
    expect(await ask(server, login("app", "wrong"))).toContain("Auth failure");
    await server.restart();
    expect(await ask(server, login("app", "p w:/@"))).toContain("Authenticated");
  });

  it("speaks TLS", async () => {
    await using server = await start({ tls: true });
    expect(server.url).toMatch(/^memcacheds:/);
    expect(await ask(server, "get key\r\n")).toBe("END\r\n");
  });
});
