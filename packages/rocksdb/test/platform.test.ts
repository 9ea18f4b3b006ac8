// A system that the package of RocksDB has no binary for. In a file of its own, since that package is loaded once.
import { UnsupportedOperationError } from "@kv/core";
import { rocksdbStore } from "@kv/rocksdb";
import { rejection } from "@kv/test-servers";
import { expect, test } from "vitest";
import { newFolder } from "./helpers.ts";

test("is told what to do", async () => {
  // What that package looks for goes by this.
  process.env.npm_config_arch = "none";
  const store = rocksdbStore({ path: newFolder() });
  const error = await rejection(store.put("a", 1));
  if (!(error instanceof UnsupportedOperationError)) throw error;
  expect(error.outcome).toBe("not-applied");
  expect(error.message).toMatch(/has no binary that loads on this system, \w+-\w+: .* take @kv\/disk here/);
  await store.close();
});
