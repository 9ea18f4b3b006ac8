// What every package's tests share. Each vitest.config.ts re-exports this.

import { defineConfig } from "vitest/config";

// Packages of the workspace are resolved to their sources, so that a change shows at once, without a build.
// The rest are what Node.js itself goes by; Vite's own default has "module" as well, which means bundlers: under that
// name some packages (@opentelemetry/api) have a build that Node.js cannot load.
const conditions = ["@kv/source", "node", "development|production"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["@kv/source", "node"] } },
  // Of vitest's own process, where a globalSetup runs.
  environments: { __vitest__: { resolve: { conditions } } },
  test: {
    environment: "node",
    include: ["test/**/*.test.ts"],
    passWithNoTests: true,
    server: { deps: { inline: [/^@kv\//] } },
    testTimeout: 120_000,
    // Starting a real server may mean fetching it first.
    hookTimeout: 180_000,
    reporters: ["default", ["json", { outputFile: process.env.KV_TEST_REPORT ?? ".vitest/report.json" }]],
  },
});
