import { mergeConfig } from "vitest/config";
import shared from "../../vitest.shared.ts";

// Test files share what they import: loading the client takes seconds.
export default mergeConfig(shared, { test: { globalSetup: "test/global-setup.ts", isolate: false } });
