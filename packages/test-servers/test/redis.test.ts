// The life of a server, on Redis.

import { existsSync } from "node:fs";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { type RedisOptions, type Server, serverFor, startServer } from "../src/index.ts";
import { exchange } from "../src/resp.ts";
import { ask, folderOf, isGone, pidOf } from "./helpers.ts";

const { server: shared, skipped } = await serverFor(vitest, "redis", { own: true });

async function start(options: RedisOptions = {}): Promise<Server> {
  const { server, skipped } = await startServer("redis", options);
  if (server === undefined) throw new Error(skipped);
  return server;
}

describe.skipIf(skipped)("a server", () => {
  it("answers where it says", async () => {
    expect(shared.url).toBe(`redis://127.0.0.1:${shared.port}`);
    expect(await ask(shared, "PING")).toBe("PONG");
    expect(shared.external).toBe(false);
  });

  it("is another one each time", async () => {
    await using one = await start();
    await using two = await start();
    expect(new Set([one.port, two.port, shared.port]).size).toBe(3);
    await ask(one, "SET", "key", "one");
    expect(await ask(two, "GET", "key")).toBeNull();
  });

  it("leaves no process and no folder when it stops", async () => {
    const server = await start();
    const [pid, folder] = [await pidOf(server), await folderOf(server)];
    expect(existsSync(folder)).toBe(true);
    await Promise.all([server.stop(), server.stop()]);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(existsSync(folder)).toBe(false);
    expect(await isGone(server)).toBe(true);
    expect(server.logs()).toContain("Ready to accept connections");
    await expect(server.restart()).rejects.toThrow("stopped");
  });

  it("keeps its data over kill and restart", async () => {
    await using server = await start({ appendonly: true });
    const { port, url } = server;
    const pid = await pidOf(server);
    expect(await ask(server, "SET", "key", "kept")).toBe("OK");
    await server.kill();
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(await isGone(server)).toBe(true);
    expect(() => server.pause()).toThrow("not running");
    await server.kill();
    await server.restart();
    expect([server.port, server.url]).toEqual([port, url]);
    expect(await ask(server, "GET", "key")).toBe("kept");
    await server.restart();
    expect(await ask(server, "GET", "key")).toBe("kept");
  });

  it("does not answer while it is paused", async () => {
    await using server = await start();
    server.pause();
    await expect(ask(server, "PING")).rejects.toThrow("no answer");
    server.resume();
    expect(await ask(server, "PING")).toBe("PONG");
  });

  it("can be killed and stopped while it is paused", async () => {
    const server = await start();
    server.pause();
    await server.kill();
    await server.restart();
    server.pause();
    await server.stop();
    expect(await isGone(server)).toBe(true);
    expect(server.logs()).toContain("Received SIGTERM");
  });

  it("shows its log when it cannot start", async () => {
    await expect(startServer("redis", { args: ["--no-such-option", "1"] })).rejects.toThrow(
      /did not start: ended with code 1\n.*no-such-option/s,
    );
  });
});

describe.skipIf(skipped)("the options of redis", () => {
  it("password", async () => {
    await using server = await start({ password: "p@ss/word" });
    expect(new URL(server.url).password).toBe(encodeURIComponent("p@ss/word"));
    expect(await ask(server, "PING")).toMatchObject({ message: expect.stringContaining("NOAUTH") });
    expect(await ask(server, "AUTH", "p@ss/word")).toBe("OK");
  });

  it("acl", async () => {
    await using server = await start({ acl: ["user default off", "user app on >s3cret ~app:* +@all -@dangerous"] });
    expect(await ask(server, "PING")).toMatchObject({ message: expect.stringContaining("NOAUTH") });
    expect(await ask(server, "AUTH", "app", "s3cret")).toBe("OK");
  });

  it("tls", async () => {
    await using server = await start({ tls: true });
    expect(server.url).toMatch(/^rediss:/);
    expect(await ask(server, "PING")).toBe("PONG");
    await expect(ask({ port: server.port, ca: "" }, "PING")).rejects.toThrow(/certificate/);
    await server.restart();
    expect(await ask(server, "PING")).toBe("PONG");
  });

  it("maxmemory", async () => {
    await using server = await start({ maxmemory: "1" });
    expect(await ask(server, "SET", "key", "value")).toMatchObject({ message: expect.stringContaining("OOM") });
  });

  it("replicaOf", async () => {
    await using master = await start({ password: "secret" });
    await exchange(master, [
      ["AUTH", "secret"],
      ["SET", "key", "value"],
    ]);
    await using replica = await start({ replicaOf: master.url });
    expect(await ask(replica, "GET", "key")).toBe("value");
    expect(await ask(replica, "SET", "key", "value")).toMatchObject({ message: expect.stringContaining("READONLY") });
  });

  it("args", async () => {
    await using server = await start({ args: ["--databases", "3"] });
    expect(await ask(server, "CONFIG", "GET", "databases")).toEqual(["databases", "3"]);
  });
});
