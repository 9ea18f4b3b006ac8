// Servers written for Node.js, which are development dependencies of this package.

import { createRequire } from "node:module";
import type { Source } from "./source.ts";
import { Unavailable } from "./system.ts";

/** A script of an installed package: `"dynalite/cli.js"`. It runs in a process of its own. */
export function npm(script: string): Source {
  return {
    name: "npm",
    look: async () => pathOf(script),
    async get() {
      const path = pathOf(script);
      return {
        origin: `${script} by npm`,
        host: "127.0.0.1",
        launch: ({ args }) => ({ command: process.execPath, args: [path, ...args], env: {} }),
      };
    },
  };
}

function pathOf(script: string): string {
  try {
    return createRequire(import.meta.url).resolve(script);
  } catch {
    throw new Unavailable(`${script} is not installed`);
  }
}
