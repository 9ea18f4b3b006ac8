/** What becomes of records that are not as they were written, and of those under a key that is given up. */
import { randomBytes } from "node:crypto";
import type { CorruptRecordError } from "@kv/core";
import { expect, onTestFinished } from "vitest";
import { lookupKey } from "../../../src/common/lookup-key.ts";
import { openWhole } from "../../support/stores.ts";
import { providerOf } from "./client.ts";

const first = { id: "first", key: randomBytes(32) };
const second = { id: "second", key: randomBytes(32) };

/** Logins do not take records that were moved or planted. */
export async function takesOnlyItsOwn(url: string): Promise<void> {
  const store = await openWhole(url);
  onTestFinished(() => store.close());
  const raw = store.collection("mcp-oauth-client");
  const errors: CorruptRecordError[] = [];
  const options = {
    store,
    keys: [first],
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
}

/** Logins survive a change of keys while they overlap, and begin anew without. */
export async function survivesRotation(url: string): Promise<void> {
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
}
