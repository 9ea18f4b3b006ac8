/** Vitest for the one file that a test starts it with. */
import type { ViteUserConfig } from "vitest/config";
import shared from "../../../vitest.config.ts";

const config: ViteUserConfig = {
  ...shared,
  // Not merged: arrays would be joined, and the child would run its own parent.
  test: { ...shared.test, include: ["test/children/conformance/vitest.mjs"], testTimeout: 5000, reporters: ["json"] },
};
export default config;
