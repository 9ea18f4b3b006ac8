/** Once is once, on all nodes. */
import { InvalidArgumentError, UnsupportedOperationError } from "@kv/core";
import { memoryStore } from "@kv/memory";
import { clockPast } from "@kv/test-servers";
import { describe, expect, it, onTestFinished } from "vitest";
import { replayGuard } from "../../src/server/index.ts";
import { backends, twoStores } from "../support/backends.ts";
import { dumpOf } from "../support/dump.ts";

const later = () => Date.now() + 60_000;

describe.each(backends)("on %s", (backend) => {
  it("one of all who use an id at once is the first", async () => {
    const stores = await twoStores(backend);
    const guards = stores.map((store) => replayGuard({ store, name: "dpop" }));
    for (const id of ["secret-id", "other", "\u0000", "x".repeat(10_000)]) {
      const uses = Array.from({ length: 16 }, (_, index) => guards[index % 2]?.consume(id, later()));
      expect((await Promise.all(uses)).filter(Boolean)).toHaveLength(1);
      expect(await guards[0]?.consume(id, new Date(later()))).toBe(false);
    }
    expect(await replayGuard({ store: stores[0], name: "assertions" }).consume("secret-id", later())).toBe(true);
    expect(await dumpOf(stores[0])).not.toContain("secret-id");
  });

  it("an id is forgotten when it would be refused anyway, and what has expired is refused", async () => {
    const [store] = await twoStores(backend);
    const guard = replayGuard({ store });
    const end = Date.now() + 1500;
    expect(await guard.consume("id", end)).toBe(true);
    await clockPast(end);
    expect(await guard.consume("id", end)).toBe(false);
    // Seconds in place of milliseconds.
    expect(await guard.consume("other", Math.floor(later() / 1000))).toBe(false);
    expect(await store.collection("mcp-used/default").get("id")).toBeUndefined();
  });
});

it("is refused where it could not keep what it promises", async () => {
  const evicting = memoryStore({ maxEntries: 10 });
  // @ts-expect-error an evicted mark is a replay let through
  expect(() => replayGuard({ store: evicting })).toThrow(UnsupportedOperationError);
  // @ts-expect-error as above
  expect(() => replayGuard({ store: evicting })).toThrow(/"durable".+except.+memcached/);
  const store = memoryStore();
  const guard = replayGuard({ store });
  await expect(guard.consume("", later())).rejects.toThrow(InvalidArgumentError);
  await expect(guard.consume("id", Number.NaN)).rejects.toThrow(InvalidArgumentError);
  await store.close();
  // Nobody can tell, and nobody says yes.
  await expect(guard.consume("id", later())).rejects.toMatchObject({ code: "STORE_CLOSED" });
  onTestFinished(() => evicting.close());
});
