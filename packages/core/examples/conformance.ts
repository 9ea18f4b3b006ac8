/** A store author's test file, here for vitest. */
import { conformance } from "@kv/core/conformance";
import { describe, it } from "vitest";
import { completeStore } from "./complete-driver.ts";

await conformance({ name: "complete", open: (options) => completeStore(options) }).register({ describe, it });
