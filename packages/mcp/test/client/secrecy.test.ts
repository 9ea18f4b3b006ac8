/** What lies in the store: nothing that can be read, moved or planted; and keys that can be changed. */
import { randomBytes } from "node:crypto";
import type { CorruptRecordError } from "@kv/core";
import { encryption, fallback } from "@kv/core/wrappers";
import { memoryStore } from "@kv/memory";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { KvOAuthClientProvider, KvResponseCacheStore, refreshCoordinator } from "../../src/client/index.ts";
import { lookupKey } from "../../src/common/lookup-key.ts";
import { openWhole, testedStores } from "../support/stores.ts";
import { providerOf } from "./support/client.ts";
import { type ProtectedServer, startProtectedServer } from "./support/protected-server.ts";
import { showsNothing } from "./support/secrets.ts";

const first = { id: "first", key: randomBytes(32) };
const second = { id: "second", key: randomBytes(32) };
const keys = [first];
const stores = await testedStores();
let server: ProtectedServer;

beforeAll(async () => {
  server = await startProtectedServer();
});
afterAll(() => server.stop());

describe.each(stores)("a login over $name", ({ url, skipped }) => {
  it.skipIf(skipped)("shows no token, code, verifier, state or user in the store", () => showsNothing(url, server));

  it.skipIf(skipped)("takes no record that was moved, planted or damaged", async () => {
    const store = await openWhole(url);
    onTestFinished(() => store.close());
    const raw = store.collection("mcp-oauth-client");
    const errors: CorruptRecordError[] = [];
    const options = {
      store,
      keys,
      server: "https://swapped.example/mcp",
      onError: (error: CorruptRecordError) => errors.push(error),
    };
    const issuer = "https://as.example";
    const { provider: ada } = providerOf({ ...options, principal: "swapped ada" });
    const { provider: eve } = providerOf({ ...options, principal: "swapped eve" });
    await ada.saveTokens({ access_token: "ada's", token_type: "Bearer", issuer }, { issuer });
    await eve.saveTokens({ access_token: "eve's", token_type: "Bearer", issuer }, { issuer });
    const nameOf = async (user: string) => `login/${await lookupKey(user, options.server, issuer)}`;
    const [adas, eves] = [await nameOf("swapped ada"), await nameOf("swapped eve")];

    await raw.put(adas, (await raw.get(eves)) ?? null);
    expect(await ada.tokens({ issuer })).toBeUndefined();
    expect(errors.splice(0)).toMatchObject([{ code: "DECRYPTION_FAILED" }]);

    await raw.put(adas, {
      id: "planted",
      tokens: { access_token: "planted", token_type: "Bearer", issuer },
      mark: await lookupKey("planted"),
      superseded: [],
    });
    expect(await ada.tokens({ issuer })).toBeUndefined();
    expect(errors.splice(0)).toMatchObject([{ code: "DECRYPTION_FAILED" }]);

    // And it does not stand in the way of the next login.
    await ada.saveTokens({ access_token: "ada's next", token_type: "Bearer", issuer }, { issuer });
    expect(await ada.tokens({ issuer })).toMatchObject({ access_token: "ada's next" });
  });

  it.skipIf(skipped)("survives a change of keys while they overlap, and begins anew without", async () => {
    const store = await openWhole(url);
    onTestFinished(() => store.close());
    const issuer = "https://as.example";
    const options = { store, server: "https://rotated.example/mcp", principal: "rotated" };
    const with_ = (...ring: (typeof first)[]) => providerOf({ ...options, keys: ring }).provider;
    await with_(first).saveTokens({ access_token: "1", token_type: "Bearer", issuer }, { issuer });
    expect(await with_(second, first).tokens()).toMatchObject({ access_token: "1" });
    await with_(second, first).saveTokens({ access_token: "2", token_type: "Bearer", issuer }, { issuer });
    expect(await with_(second).tokens()).toMatchObject({ access_token: "2" });
    expect(await with_(first).tokens()).toBeUndefined();
    await with_(first).saveTokens({ access_token: "3", token_type: "Bearer", issuer }, { issuer });
    expect(await with_(first).tokens()).toMatchObject({ access_token: "3" });
  });
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
