// Programs that come as archives from a Maven repository, unpacked in the cache folder.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { cached, findCached } from "./cache.ts";
import { lastLine, need, run, Unavailable } from "./system.ts";

/** One line on where the archive is or would come from. Rejects with `Unavailable`. */
export async function lookForArchive(artifact: string): Promise<string> {
  const entry = findCached(nameOf(artifact));
  if (entry !== undefined) return `in ${entry}`;
  need("mvn");
  return `can be fetched by mvn (${artifact})`;
}

/** The folder that holds what was in `artifact` (`group:name:version:type`). Rejects with `Unavailable`. */
export function archive(artifact: string): Promise<string> {
  return cached(nameOf(artifact), async (folder) => {
    // What Maven itself needs goes with it, so that nothing is left outside of the cache.
    const repository = join(folder, ".m2");
    const options = ["-q", "-B", `-Dmaven.repo.local=${repository}`];
    try {
      await run(need("mvn"), [
        ...options,
        "dependency:unpack",
        `-Dartifact=${artifact}`,
        `-DoutputDirectory=${folder}`,
      ]);
    } catch (error) {
      if (error instanceof Unavailable) throw error;
      throw new Unavailable(`mvn could not fetch ${artifact} (${lastLine(error)})`);
    }
    await rm(repository, { recursive: true });
    // Some servers refuse to run as root: another user must be able to read it.
    await run("chmod", ["-R", "a+rX", folder]);
  });
}

function nameOf(artifact: string): string {
  return `maven-${artifact.replace(/[^\w.]+/g, "-")}`;
}
