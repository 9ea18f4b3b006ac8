import { mergeConfig } from "vitest/config";
import shared from "../../vitest.shared.ts";

// Each file mostly waits for a server of its own.
export default mergeConfig(shared, { test: { maxWorkers: 2 } });
