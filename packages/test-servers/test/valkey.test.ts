// What Valkey's servers are used for beside what Redis' are: two generations, one of which compares values by itself.

import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { serverFor, startServer } from "../src/index.ts";
import { ask } from "./helpers.ts";

const { server: old, skipped: noOld } = await serverFor(vitest, "valkey", { own: true });
const { server: recent, skipped: noRecent } = await serverFor(vitest, "valkey9", { own: true });

describe.skipIf(noOld)("valkey", () => {
  it("is Valkey, at a URL of its own scheme", async () => {
    expect(old.url).toBe(`valkey://127.0.0.1:${old.port}`);
    expect(await ask(old, "INFO", "server")).toMatch(/^server_name:valkey/m);
  });

  it("speaks TLS", async () => {
    const { server } = await startServer("valkey", { tls: true });
    expect(server?.url).toMatch(/^valkeys:/);
    expect(server && (await ask(server, "PING"))).toBe("PONG");
    await server?.stop();
  });
});

describe.skipIf(noRecent)("valkey9", () => {
  it("compares values by itself", async () => {
    await ask(recent, "SET", "key", "one");
    expect(await ask(recent, "SET", "key", "two", "IFEQ", "one")).toBe("OK");
    expect(await ask(recent, "DELIFEQ", "key", "one")).toBe(0);
    expect(await ask(recent, "DELIFEQ", "key", "two")).toBe(1);
  });
});
