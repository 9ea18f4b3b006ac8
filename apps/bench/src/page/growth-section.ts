/** How cost grows: the curves, and a sentence for each that bends. */
import { newest, readResults } from "../files.ts";
import { GROWTH_FORMAT, type Growth } from "../growth/growth.ts";
import { type Bend, bendsOf, callersTable, recordsTable } from "../growth/report.ts";
import { describe } from "../machine.ts";
import { lineChart } from "./charts.ts";
import { whyBent } from "./reasons.ts";
import type { Section } from "./section.ts";
import { short } from "./tables.ts";

const RECORDS = "Microseconds for a call, by the number of records";
const CALLERS = "Gets a second, by the number of callers at once";

export async function growthSection(): Promise<Section | undefined> {
  const file = await newest("growth");
  if (file === undefined) return undefined;
  const growth = await readResults<Growth>(file, "growth", GROWTH_FORMAT);
  const { startedAt, seconds, machine, records, callers } = growth;
  const bends = bendsOf(growth).map(sentence);
  const recordPoints = records.map(({ operation, backend, records, microseconds }) => ({
    panel: operation,
    line: backend,
    x: records,
    y: microseconds,
  }));
  const callerPoints = callers.map(({ backend, callers, perSecond }) => ({
    panel: "get 100 B",
    line: backend,
    x: callers,
    y: perSecond,
  }));
  return {
    markdown: [
      "## How cost grows",
      `${startedAt.slice(0, 10)}, ${seconds} s in all. ${describe(machine)} Values of 100 B; one caller, where it is not said. \`enumerate\`, \`clear\` and
\`expire\` are of the whole collection, and count by the record; \`expire\` is \`cull()\` once all have expired, which Redis does by itself.`,
      `![${RECORDS}](docs/growth-records.svg)`,
      recordsTable(growth),
      `![${CALLERS}](docs/growth-callers.svg)`,
      callersTable(growth),
      bends.length > 0 ? bends.join("\n") : "No curve bends: no step to ten times as many takes half as much again.",
    ].join("\n\n"),
    charts: [
      { name: "growth-records", svg: lineChart(RECORDS, { x: "records", y: "µs" }, recordPoints) },
      { name: "growth-callers", svg: lineChart(CALLERS, { x: "callers", y: "gets/s" }, callerPoints) },
    ],
  };
}

function sentence(bend: Bend): string {
  const { backend, operation, from, to, times } = bend;
  const what =
    operation === "callers"
      ? `**${backend}, callers**: ${short(to)} at once get ${times.toFixed(1)} times less done in all than ${short(from)}`
      : `**${backend}, ${operation}** takes ${times.toFixed(1)} times as long with ${short(to)} records as with ${short(from)}`;
  return `- ${what}: ${whyBent(backend, operation)}.`;
}
