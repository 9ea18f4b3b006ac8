// Python environments in the cache folder, for reading and writing what py-key-value-aio stores.

import { join } from "node:path";
import { cached, findCached } from "./cache.ts";
import { lastLine, need, run, Unavailable } from "./system.ts";

/** The one version whose stored format the tests are held to. */
const requirement = "py-key-value-aio[redis]==0.4.6";

/** A Python in which `key_value` can be imported. */
export interface Python {
  /** Path of the interpreter. */
  readonly executable: string;
  /**
   * Runs a script (its source text) with `input` as JSON on stdin, and gives the JSON that it printed to stdout.
   * Rejects with what it wrote to stderr.
   */
  run(script: string, input?: unknown): Promise<unknown>;
}

/** py-key-value-aio, installed on first use, or one line that says why it cannot be had. */
export async function pythonEnvironment(): Promise<
  { readonly python: Python; readonly skipped?: never } | { readonly python?: never; readonly skipped: string }
> {
  try {
    const executable = await virtualEnvironment(requirement);
    const run = (script: string, input: unknown = null) => runPython(executable, script, input);
    return { python: { executable, run } };
  } catch (error) {
    if (error instanceof Unavailable) return { skipped: error.message };
    throw error;
  }
}

/** One line on where the environment is or would come from, without making it. Rejects with `Unavailable`. */
export async function lookForPython(): Promise<string> {
  const { python, name } = await basePython(requirement);
  const entry = findCached(name);
  return entry === undefined ? `${requirement} can be installed by pip for ${python}` : `in ${entry}`;
}

/** The interpreter of a virtual environment that has `requirement`. Its console scripts run as `python bin/<script>`. */
async function virtualEnvironment(requirement: string): Promise<string> {
  const { python, name } = await basePython(requirement);
  const environment = await cached(name, async (folder) => {
    try {
      await run(python, ["-m", "venv", folder]);
      await run(join(folder, "bin/python"), ["-m", "pip", "install", "--quiet", requirement]);
    } catch (error) {
      throw new Unavailable(`${requirement} could not be installed (${lastLine(error)})`);
    }
  });
  return join(environment, "bin/python");
}

async function basePython(requirement: string): Promise<{ python: string; name: string }> {
  const python = need("python3");
  const version = await run(python, ["-c", "import platform; print(platform.python_version())"]);
  return { python, name: `python-${version.trim()}-${requirement.replace(/[^\w.]+/g, "-")}` };
}

async function runPython(executable: string, script: string, input: unknown): Promise<unknown> {
  return JSON.parse(await run(executable, ["-c", script], { input: JSON.stringify(input) }));
}
