/** What lies in the store: nothing that can be read, moved or planted; and keys that can be changed. */
import { randomBytes } from "node:crypto";
import { encryption, fallback } from "@kv/core/wrappers";
import { memoryStore } from "@kv/memory";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { KvOAuthClientProvider, KvResponseCacheStore, refreshCoordinator } from "../../src/client/index.ts";
import { openWhole, testedStores } from "../support/stores.ts";
import { providerOf } from "./support/client.ts";
import { type ProtectedServer, startProtectedServer } from "./support/protected-server.ts";
import { survivesRotation, takesOnlyItsOwn } from "./support/records.ts";
import { showsNothing } from "./support/secrets.ts";

const keys = [{ id: "first", key: randomBytes(32) }];
const stores = await testedStores();
let server: ProtectedServer;

beforeAll(async () => {
  server = await startProtectedServer();
});
afterAll(() => server.stop());

describe.each(stores)("a login over $name", ({ url, skipped }) => {
  it.skipIf(skipped)("shows no token, code, verifier, state or user in the store", () => showsNothing(url, server));

  it.skipIf(skipped)("takes no record that was moved or planted", () => takesOnlyItsOwn(url));

  it.skipIf(skipped)("survives a change of keys while they overlap, and begins anew without", () =>
    survivesRotation(url),
  );
});

describe("without keys", () => {
  const [, disk] = stores;
  const options = { server: "https://mcp.example/mcp", principal: "ada" };

  it("a store that outlives the process is refused, with the line to add", async () => {
    const store = await openWhole(disk?.url ?? "");
    onTestFinished(() => store.close());
    const makers = [
      () => providerOf({ ...options, store }),
      () => refreshCoordinator({ store }),
      () => new KvResponseCacheStore({ ...options, store }),
    ];
    for (const make of makers) expect(make).toThrow('keys: [{ id: "2026-01", key: Buffer.from(process.env');
    expect(providerOf({ ...options, store, allowPlaintext: true }).provider).toBeInstanceOf(KvOAuthClientProvider);
  });

  it("one in memory is taken, and one that is encrypted already", async () => {
    const memory = memoryStore();
    const store = await openWhole(disk?.url ?? "");
    onTestFinished(() => Promise.all([store.close(), memory.close()]).then(() => {}));
    const encrypted = store.with(encryption({ keys }));
    for (const given of [memory, encrypted]) {
      expect(providerOf({ ...options, store: given }).provider).toBeInstanceOf(KvOAuthClientProvider);
    }
    // What goes to the disk when memory fails is not in memory only.
    expect(() => providerOf({ ...options, store: memory.with(fallback(store)) })).toThrow("allowPlaintext");
  });
});
