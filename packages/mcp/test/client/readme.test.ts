/** The README's client logs in, and after a restart it need not. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { memoryStore } from "@kv/memory";
import { Browser } from "@kv/test-servers/oidc";
import { expect, it, onTestFinished, vi } from "vitest";
import { connect } from "../../examples/logins.ts";
import { callText } from "../support/server.ts";
import { startProtectedServer } from "./support/protected-server.ts";

const read = (path: string) => readFile(new URL(path, import.meta.url), "utf8");

it("has the example that is tested here", async () => {
  expect(await read("../../README.md")).toContain(await read("../../examples/logins.ts"));
});

it("has an example that works", async () => {
  const server = await startProtectedServer();
  const store = memoryStore();
  vi.stubEnv("KV_ENCRYPTION_KEY", randomBytes(32).toString("base64"));
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await store.close();
    await server.stop();
  });
  const shown: URL[] = [];
  const browse = async (login: URL): Promise<void> => {
    shown.push(login);
    await fetch(await new Browser("ada").logIn(login));
  };
  for (let run = 0; run < 2; run++) {
    const client = await connect(store, server.url, (login) => void browse(login));
    expect(await callText(client, "whoami")).toBe("ada");
    await client.close();
  }
  expect(shown).toHaveLength(1);
});
