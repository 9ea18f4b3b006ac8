import { defineConfig } from "vitest/config";
import shared from "../../vitest.shared.ts";
import { mutating } from "./test/mutants/mutating.ts";

// Without "module", which Node.js does not know: what OpenTelemetry's API has under it only a bundler can load.
const conditions = ["@kv/source", "node", "development|production"];

export default defineConfig({
  ...shared,
  // The conformance suite mostly waits.
  test: { ...shared.test, maxWorkers: 3 },
  plugins: mutating(process.env.KV_MUTANT),
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["@kv/source", "node"] } },
});
