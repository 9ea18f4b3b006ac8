// Servers written for Node.js, which are development dependencies of this package.

import type { Source } from "./source.ts";
import { Unavailable } from "./system.ts";

/** A script of an installed package, which runs in a process of its own. `resolve` gives its path, or throws. */
export function npm(name: string, resolve: () => string): Source {
  function pathOf(): string {
    try {
      return resolve();
    } catch {
      throw new Unavailable(`the package ${name} is not installed`);
    }
  }
  return {
    name: "npm",
    look: async () => pathOf(),
    async get() {
      const path = pathOf();
      return {
        origin: `${name} by npm`,
        host: "127.0.0.1",
        launch: ({ args }) => ({ command: process.execPath, args: [path, ...args], env: {} }),
      };
    },
  };
}
