// What servers that speak Redis' protocol share with py-key-value-aio: its stores for them keep records alike.

import type { KeyValueStore } from "@kv/core";
import type * as vitest from "vitest";
import { type PythonSuiteOptions, pythonSuite } from "../python-suite.ts";

type Store = KeyValueStore<"write" | "atomic">;

export interface RedisLikePythonOptions
  extends Pick<PythonSuiteOptions, "name" | "skipped" | "python" | "shortestTtl"> {
  /** A store on the same server, with its defaults or with these options. */
  open(options?: { readonly numbers: "nearest" }): Store;
  /** A command for the same server. */
  ask(...command: readonly string[]): Promise<unknown>;
}

/** Registers the tests. `runner` is vitest itself: `import * as vitest from "vitest"`. */
export function redisLikePythonSuite(runner: typeof vitest, options: RedisLikePythonOptions): void {
  const { afterEach, beforeEach, describe, it, expect } = runner;
  const { name, skipped, python, ask } = options;
  const empty = async () => void (await ask("FLUSHALL"));

  pythonSuite(runner, {
    ...options,
    empty,
    joinsNames: true,
    names: [
      { collection: "default_collection", key: "user:1" },
      { collection: "a collection", key: "with :: inside" },
      { collection: "odd *?[x]\\", key: "%3A %" },
      { collection: "日本", key: "é😀" },
      { collection: "c".repeat(300), key: "k".repeat(1000) },
    ],
  });

  describe.skipIf(skipped)(`the times to live that a server shared with Python's ${name} holds`, () => {
    const left = (key: string) => ask("PTTL", `default_collection::${key}`);
    let store: Store;

    beforeEach(async () => {
      await empty();
      store = options.open();
    });
    afterEach(() => store.close());

    it("end when either overwrites without one", async () => {
      await store.put("a", { n: 1 }, { ttl: "1h" });
      await python().run(["put", ["a", { n: 2 }]], ["put", ["b", { n: 1 }], { ttl: 1000 }]);
      expect(await left("a")).toBe(-1);
      expect(await left("b")).toBeGreaterThan(0);
      await store.put("b", { n: 2 });
      expect(await left("b")).toBe(-1);
    });
  });
}
