/** Workers of a gateway, each a process: what one has asked, the other need not. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { runNode } from "@kv/test-servers";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { expect, onTestFinished } from "vitest";
import { Served } from "./served.ts";

const worker = new URL("../children/worker.ts", import.meta.url);

/** Two ask a server once, but not for another user, nor for another server of its name. */
export async function askOnce(storeUrl: string): Promise<void> {
  const key = randomBytes(32).toString("base64");
  const served = new Served("private");
  const at = await listen(served);
  const work = (path: string, principal: string) => answerOf(storeUrl, key, `${at}/${path}/mcp`, principal);
  expect(await work("one", "ada")).toMatchObject({ tools: ["tool_of_one"], contents: [{ text: "page 1" }] });
  const { asked } = served;
  expect(asked).toBeGreaterThan(0);
  expect(await work("one", "ada")).toMatchObject({ tools: ["tool_of_one"], contents: [{ text: "page 1" }] });
  expect(served.asked).toBe(asked);
  expect(await work("one", "bob")).toMatchObject({ tools: ["tool_of_one"], contents: [{ text: "page 2" }] });
  expect(await work("two", "ada")).toMatchObject({ tools: ["tool_of_two"], contents: [{ text: "page 3" }] });
}

/** What a worker, begun and ended for it, has read. */
async function answerOf(...args: readonly string[]): Promise<unknown> {
  const child = runNode(worker, args);
  onTestFinished(async () => {
    child.process.kill("SIGKILL");
    await child.ended;
  });
  const failed = child.ended.then((how) => Promise.reject(new Error(`the worker ended: ${how}`)));
  const [answer] = await Promise.race([once(child.process, "message"), failed]);
  failed.catch(() => {});
  return answer;
}

async function listen(served: Served): Promise<string> {
  const http = createServer();
  http.on("request", toNodeHandler(served));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}
