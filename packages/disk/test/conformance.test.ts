// The contract, on folders of a real disk.
import { conformance } from "@kv/core/conformance";
import { diskStore } from "@kv/disk";
import { describe, it } from "vitest";
import { newFolder } from "./helpers.ts";

const path = newFolder();
await conformance({ name: "disk", open: (options) => diskStore({ path, ...options }), shared: true }).register({
  describe,
  it,
});
