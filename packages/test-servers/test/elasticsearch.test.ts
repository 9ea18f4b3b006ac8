// What Elasticsearch's servers are used for: users with few privileges, TLS, a crash.

import { request } from "node:https";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { serverFor, startServer } from "../src/index.ts";

const { server, skipped } = await serverFor(vitest, "elasticsearch", { own: true });

async function statusOf(url: string, path: string, init: RequestInit & { login?: string } = {}): Promise<number> {
  const { hostname, port } = new URL(url);
  const { login, ...rest } = init;
  const headers = {
    "content-type": "application/json",
    ...(login && { authorization: `Basic ${Buffer.from(login).toString("base64")}` }),
  };
  const answer = await fetch(`http://${hostname}:${port}${path}`, { headers, ...rest });
  return answer.status;
}

describe.skipIf(skipped)("elasticsearch", () => {
  it("keeps its data over kill and restart", async () => {
    expect(server.url).toBe(`elasticsearch://127.0.0.1:${server.port}`);
    expect(await statusOf(server.url, "/books/_doc/1", { method: "PUT", body: '{"n":1}' })).toBe(201);
    await server.kill();
    await server.restart();
    expect(await statusOf(server.url, "/books/_doc/1")).toBe(200);
  });

  it("has users, and speaks TLS", async () => {
    const indices = [{ names: ["kv-*"], privileges: ["read"] }];
    const users = [{ name: "reader", password: "few words", indices }];
    const { server } = await startServer("elasticsearch", { password: "p@ss/word", tls: true, users });
    if (server === undefined) throw new Error("the other one could be started");
    expect(server.url).toBe(`elasticsearchs://admin:${encodeURIComponent("p@ss/word")}@127.0.0.1:${server.port}`);
    const ask = (auth: string | undefined, path: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const options = { host: "127.0.0.1", port: server.port, ca: server.ca, path, ...(auth && { auth }) };
        const asking = request(options, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        asking.on("error", reject);
        asking.end();
      });
    expect(await ask("admin:p@ss/word", "/kv-a/_doc/1")).toBe(404);
    expect(await ask("reader:few words", "/kv-a/_doc/1")).toBe(404);
    expect(await ask("reader:few words", "/_cluster/health")).toBe(403);
    expect(await ask("reader:wrong", "/kv-a/_doc/1")).toBe(401);
    expect(await ask(undefined, "/kv-a/_doc/1")).toBe(401);
    await server.stop();
  });
});
