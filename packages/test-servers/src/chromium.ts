// A Chromium for tests that look at pages: it is launched by a library such as playwright-core, not by this package.

import { apt } from "./apt.ts";
import { native, onPath, type Source } from "./source.ts";
import { firstProgram } from "./start.ts";
import { Unavailable } from "./system.ts";

/** What to launch, and with what in its environment. */
export interface Chromium {
  readonly executablePath: string;
  readonly env: Readonly<Record<string, string>>;
}

const VARIABLE = "KV_TEST_CHROMIUM";

const sources: readonly Source[] = [
  {
    name: "environment",
    look: async () => fromEnvironment(),
    get: async () => native(fromEnvironment(), `${VARIABLE} names it`),
  },
  onPath("chromium"),
  onPath("chromium-browser"),
  onPath("google-chrome"),
  apt("chromium", "usr/lib/chromium/chromium"),
];

/** Rejects with `Unavailable`. */
export async function findChromium(): Promise<Chromium> {
  const program = await firstProgram(sources);
  const { command, env } = program.launch({ folder: "", data: "", port: 0, args: [] });
  return { executablePath: command, env };
}

function fromEnvironment(): string {
  const path = process.env[VARIABLE];
  if (!path) throw new Unavailable(`${VARIABLE} is not set`);
  return path;
}
