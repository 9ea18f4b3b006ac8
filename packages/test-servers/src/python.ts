// A Python with py-key-value-aio, for reading and writing what it stores.

import { lookForEnvironment, virtualEnvironment } from "./pip.ts";
import { PythonProcess } from "./python-process.ts";
import { run, Unavailable } from "./system.ts";

/** The one version whose stored format the tests are held to. */
const requirement =
  "py-key-value-aio[disk,dynamodb,elasticsearch,memcached,memory,mongodb,redis,valkey,wrappers-encryption]==0.4.6";

/** A Python in which `key_value` can be imported. */
export interface Python {
  /** Path of the interpreter. */
  readonly executable: string;
  /**
   * Runs a script (its source text) with `input` as JSON on stdin, and gives the JSON that it printed to stdout.
   * Rejects with what it wrote to stderr.
   */
  run(script: string, input?: unknown): Promise<unknown>;
  /**
   * Runs a script that defines `main(input)`: what that gives for each input that it is asked for, as JSON. Each is a fork
   * of a process that has run the script's own statements, its imports, once.
   */
  serve(script: string): PythonProcess;
}

/** py-key-value-aio, installed on first use, or one line that says why it cannot be had. */
export async function pythonEnvironment(): Promise<
  { readonly python: Python; readonly skipped?: never } | { readonly python?: never; readonly skipped: string }
> {
  try {
    const { interpreter: executable } = await virtualEnvironment(requirement);
    const run = (script: string, input: unknown = null) => runPython(executable, script, input);
    const serve = (script: string) => new PythonProcess(executable, script);
    return { python: { executable, run, serve } };
  } catch (error) {
    if (error instanceof Unavailable) return { skipped: error.message };
    throw error;
  }
}

/** One line on where the environment is or would come from, without making it. Rejects with `Unavailable`. */
export function lookForPython(): Promise<string> {
  return lookForEnvironment(requirement);
}

async function runPython(executable: string, script: string, input: unknown): Promise<unknown> {
  return JSON.parse(await run(executable, ["-c", script], { input: JSON.stringify(input) }));
}
