// The contract, on folders of a real disk: plain, under each wrapper, under all of them.
import { conformance, underWrappers } from "@kv/core/conformance";
import { rocksdbStore } from "@kv/rocksdb";
import { describe, it } from "vitest";
import { newFolder } from "./helpers.ts";

const path = newFolder();
const targets = underWrappers({ name: "rocksdb", open: (options) => rocksdbStore({ path, ...options }), shared: true });
for (const target of targets) await conformance(target).register({ describe, it });
