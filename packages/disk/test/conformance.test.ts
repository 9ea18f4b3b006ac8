// The contract, on folders of a real disk: plain, under each wrapper, under all of them, and under stacks drawn at random.
import { conformance, underEachWrapper } from "@kv/core/conformance";
import { diskStore } from "@kv/disk";
import { describe, it } from "vitest";
import { newFolder } from "./helpers.ts";

const path = newFolder();
const targets = await underEachWrapper({
  name: "disk",
  open: (options) => diskStore({ path, ...options }),
  shared: true,
});
for (const target of targets) await conformance(target).register({ describe, it });
