// Stores of several prefixes beside each other: no index is that of two of them, whatever their names.

import { listed, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { type ElasticsearchStore, elasticsearchStore } from "../src/index.ts";
import { Names } from "../src/names.ts";
import { Asker } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "elasticsearch");
const asker = new Asker(() => server);

/** All texts of up to `length` of these parts. */
function texts(parts: readonly string[], length: number): string[] {
  if (length === 0) return [""];
  const shorter = texts(parts, length - 1);
  return [...new Set([...shorter, ...shorter.flatMap((text) => parts.map((part) => text + part))])];
}

describe("the name of an index", () => {
  it("is that of one prefix and one collection", () => {
    const hash = "0".repeat(64);
    const parts = ["a", "-", "h_a", hash];
    const seen = new Map<string, string>();
    for (const prefix of texts(parts, 3).filter((text) => /^[a-z]/.test(text))) {
      const names = new Names(prefix, "python");
      for (const collection of texts(parts, 4).filter((text) => text !== "")) {
        const index = names.indexOf(collection);
        const owner = JSON.stringify([prefix, collection]);
        expect(seen.get(index) ?? owner, index).toBe(owner);
        seen.set(index, owner);
      }
    }
  });

  it("is Python's where the prefix holds no hyphen, and by option where it holds some", () => {
    expect(new Names("kv", "python").indexOf("mcp-oauth-clients")).toBe("kv-mcp-oauth-clients");
    expect(new Names("kv-other", "python").indexOf("users")).toBe("kv--other-users");
    expect(new Names("kv-other", "python-exact").indexOf("users")).toBe("kv-other-users");
    expect(new Names("kv", "python-exact").indexOf("-users")).toBe("kv--users");
  });
});

describe.skipIf(skipped)("stores of prefixes that begin with each other", () => {
  const places = [
    ["kv", "other-users"],
    ["kv-other", "users"],
    ["kv", "other"],
    ["kv-", "users"],
    ["kv", "-users"],
    ["kv--other", "users"],
  ] as const;
  const stores = new Map<string, ElasticsearchStore>(
    [...new Set(places.map(([prefix]) => prefix))].map((prefix) => [
      prefix,
      elasticsearchStore(skipped ? {} : { url: server.url, prefix, timeout: "30s" }),
    ]),
  );
  const of = (prefix: string) => {
    const store = stores.get(prefix);
    if (!store) throw new Error("each prefix has one");
    return store;
  };

  beforeEach(() => asker.deleteIndices("kv-"));
  afterAll(() => Promise.all([...stores.values()].map((store) => store.close())));

  it("have apart what they put under equal keys", async () => {
    const mine = ([prefix, collection]: readonly [string, string]) => of(prefix).collection(collection);
    for (const [at, place] of places.entries()) await mine(place).put("a", at);
    for (const [at, place] of places.entries()) {
      expect(await mine(place).get("a")).toBe(at);
      expect(await listed(mine(place).keys())).toEqual(["a"]);
    }
    expect((await listed(of("kv").collections())).sort()).toEqual(["-users", "other", "other-users"]);
    expect(await listed(of("kv-other").collections())).toEqual(["users"]);

    await of("kv").clearAll();
    for (const [at, [prefix, collection]] of places.entries()) {
      expect(await of(prefix).collection(collection).get("a")).toBe(prefix === "kv" ? undefined : at);
    }
  });
});
