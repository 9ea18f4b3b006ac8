/** What kv and the peers take by being there. */
import { newest, readResults } from "../files.ts";
import { FOOTPRINT_FORMAT, type Footprint } from "../footprint/footprint.ts";
import { footprintTable } from "../footprint/report.ts";
import { describe } from "../machine.ts";
import type { Section } from "./section.ts";

export async function footprintSection(): Promise<Section | undefined> {
  const file = await newest("footprint");
  if (file === undefined) return undefined;
  const found = await readResults<Footprint>(file, "footprint", FOOTPRINT_FORMAT);
  return {
    markdown: [
      "## What it takes by being there",
      `${found.startedAt.slice(0, 10)}. ${describe(found.machine)} Installed by npm without development dependencies; the time of the first import in a
fresh process, more than that of an empty module. A dash: no bundler can take it, since it is native code or asks for what is not installed.`,
      footprintTable(found),
    ].join("\n\n"),
    charts: [],
  };
}
