/** The page of the results: Markdown with charts, from the newest files of results. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { operationNames, titleOf } from "../cases.ts";
import { type BackendName, backendNames } from "../contender.ts";
import { filesOf, readResultsOf } from "../files.ts";
import { DOCS, PAGE } from "../folders.ts";
import { describe } from "../machine.ts";
import { FORMAT, type Results, type Row, type Skipped, type Weight } from "../results.ts";
import { type Bar, barChart, pngOf } from "./charts.ts";
import { footprintSection } from "./footprint-section.ts";
import { growthSection } from "./growth-section.ts";
import { leftOut, noteOn } from "./notes.ts";
import { whyAhead, whyMissed } from "./reasons.ts";
import type { Section } from "./section.ts";
import { besideFiles, commands, isAhead, short, speeds, table } from "./tables.ts";

/** @returns the paths of what was written, the page first */
export async function writePage(): Promise<string[]> {
  const sections = [await comparison(), await growthSection(), await footprintSection()].filter(
    (section) => section !== undefined,
  );
  if (sections.length === 0) throw new Error("there are no results yet: run pnpm bench first");
  const written = [PAGE];
  await rm(DOCS, { recursive: true, force: true });
  await mkdir(DOCS, { recursive: true });
  for (const { name, svg } of sections.flatMap(({ charts }) => charts)) {
    await writeFile(join(DOCS, `${name}.svg`), svg);
    await writeFile(join(DOCS, `${name}.png`), pngOf(svg));
    written.push(join(DOCS, `${name}.svg`), join(DOCS, `${name}.png`));
  }
  await writeFile(PAGE, `${[HEAD, ...sections.map(({ markdown }) => markdown)].join("\n\n")}\n`);
  return written;
}

const HEAD = `# What kv costs, measured

Written by \`pnpm bench --page\` from the newest results in \`apps/bench/results\`. [README.md](README.md) tells how it was measured.`;

/** Those that tell most, where there are peers. */
const SHOWN = [
  "get 100 B ×64",
  "put 100 B ×64",
  "get 10 KB ×64",
  "put 10 KB ×64",
  "getMany(100) 100 B ×1",
  "putMany(100) 100 B ×1",
];

async function comparison(): Promise<Section | undefined> {
  const runs = await wholeRuns();
  if (runs.size === 0) return undefined;
  const of = (run: Results) => [...runs].filter(([, one]) => one === run).map(([backend]) => backend);
  const newestFirst = (a: Results, b: Results) => b.startedAt.localeCompare(a.startedAt);
  const distinct = [...new Set(runs.values())].sort(newestFirst);
  const rows = [...runs].flatMap(([backend, run]) => run.rows.filter((row) => row.backend === backend));
  const parts = [...runs].map(([backend, run]) => backendSection(backend, run));
  const weights = runs.get("memory")?.weights ?? [];
  // Of a backend that no run has measured, what the newest one says of it.
  const skipped = distinct.flatMap((run, at) =>
    run.skipped.filter(({ backend }) => (runs.get(backend) ?? (at === 0 ? run : undefined)) === run),
  );
  return {
    markdown: [
      "## Beside the raw drivers and the peers",
      distinct.map((run) => `- ${of(run).join(", ")}: ${describeRun(run)}`).join("\n"),
      LEGEND,
      targets(rows),
      ...parts.map(({ markdown }) => markdown),
      ...(weights.length > 0 ? [heap(weights)] : []),
      ...(skipped.length > 0 ? [skippedList(skipped)] : []),
    ].join("\n\n"),
    charts: parts.flatMap(({ charts }) => charts),
  };
}

/** Of each backend the newest run of all operations beside all peers. */
async function wholeRuns(): Promise<ReadonlyMap<BackendName, Results>> {
  const runs = new Map<BackendName, Results>();
  for (const file of await filesOf("comparison")) {
    const run = await readResultsOf<Results>(file, "comparison", FORMAT);
    if (!run?.settings.peers || run.settings.operations.length < operationNames.length) continue;
    for (const { backend } of run.rows) if (!runs.has(backend)) runs.set(backend, run);
  }
  return new Map([...runs].sort(([a], [b]) => backendNames.indexOf(a) - backendNames.indexOf(b)));
}

function describeRun({ settings, machine, startedAt, seconds }: Results): string {
  const { rounds, length, processes } = settings;
  const when = startedAt.slice(0, 16).replace("T", " ");
  return `${when} UTC, ${rounds} rounds of ${length.counted} ms in ${processes} processes of kv and the raw driver, ${seconds} s in all. ${describe(machine)}`;
}

const LEGEND = `A cell: operations a second, median of the rounds, and as a **share of the raw driver** in the same rounds (for kv with the
quartiles of the share). ▲ is ahead of kv beyond the noise of both. "×64": as many callers at once. A peer takes part in every third round.`;

function targets(rows: readonly Row[]): string {
  const held = rows.filter(({ share }) => share?.target !== undefined);
  const missed = held.filter(({ share }) => !share?.met);
  const byReason = new Map<string, string[]>();
  for (const row of missed) {
    const { quartiles = [0, 0], target = 0 } = row.share ?? {};
    const inNoise = quartiles[1] >= target;
    const reason = whyMissed(row.backend, row) ?? (inNoise ? WITHIN_NOISE : UNEXPLAINED);
    const noted = inNoise && reason !== WITHIN_NOISE ? ", within noise" : "";
    const line = `  - ${row.backend}, ${titleOf(row)}: ${missedBy(row)}${noted}`;
    byReason.set(reason, [...(byReason.get(reason) ?? []), line]);
  }
  return [
    `${held.length - missed.length} of ${held.length} targets are met. The others, and why:`,
    "",
    ...[...byReason].flatMap(([reason, lines]) => [`- ${reason}:`, ...lines]),
  ].join("\n");
}

const WITHIN_NOISE = "Within noise: rounds differ by more than what is missing";
const UNEXPLAINED = "Not explained";

/** By how much, and how much of it is the client's own work. */
function missedBy({ share, cpu }: Row): string {
  if (!share) return "";
  const quartiles = share.quartiles.map((one) => one.toFixed(2)).join("–");
  const [own, raw] = [cpu, cpu * share.cpu].map((milliseconds) => short(milliseconds * 1000));
  return `${share.median.toFixed(2)} of ${share.target} (${quartiles}), ${own} µs of processor time beside ${raw} µs`;
}

function backendSection(backend: BackendName, results: Results): Section {
  const rows = results.rows.filter((row) => row.backend === backend);
  const names = [...new Set(rows.map(({ contender }) => contender))];
  const bars = rows.flatMap((row): Bar[] =>
    row.share && SHOWN.includes(titleOf(row))
      ? [{ group: titleOf(row), name: row.contender, share: row.share.median }]
      : [],
  );
  const notes = names.flatMap((name) => {
    const note = noteOn(backend, name);
    return note === undefined ? [] : [`- **${name}** ${note}.`];
  });
  const told = commands(backend, results);
  const name = `shares-${backend}`;
  const title = `${backend}: speed as a share of the raw driver with JSON by hand`;
  return {
    markdown: [
      `### ${backend}`,
      ...(bars.length > 0 ? [`![${title}](docs/${name}.svg)`] : []),
      speeds(backend, results),
      [...notes, ...aheadList(rows)].join("\n"),
      ...(backend === "disk" ? [besideFiles(rows)] : []),
      ...(leftOut[backend] ? [leftOut[backend]] : []),
      ...(told === undefined ? [] : ["What the server is given for one operation:", told]),
    ].join("\n\n"),
    charts: bars.length > 0 ? [{ name, svg: barChart(title, bars) }] : [],
  };
}

function aheadList(rows: readonly Row[]): string[] {
  const ahead = rows.filter((row) => isAhead(row, rows));
  const names = [...new Set(ahead.map(({ contender }) => contender))];
  return names.map((name) => {
    const own = ahead.filter(({ contender }) => contender === name);
    const why = own[0] ? whyAhead(own[0].backend, name) : "";
    return `- ▲ **${name}** is ahead in ${own.map(titleOf).join(", ")}: ${why}.`;
  });
}

function heap(weights: readonly Weight[]): string {
  const raw = weights.find(({ contender }) => contender === "raw")?.bytes ?? Number.NaN;
  const rows = weights.map(({ contender, bytes }) => [
    contender,
    bytes.toFixed(0),
    contender === "raw" ? "" : (bytes - raw).toFixed(0),
  ]);
  return ["### Heap for a record in memory", "", table(["", "bytes", "more than raw"], rows), "", HEAP].join("\n");
}

const HEAP = `Of a record of about 100 bytes of JSON, its key included, after a collection of garbage, with 10,000 records. The target is 60 bytes
more than raw. kv misses it: it keeps a value as an object, which takes half as much again as its JSON text, but is read twice as
fast; and with it a revision, the time of creation, and its place in the order of enumeration. It would
take values kept as text, which each get would parse.`;

function skippedList(skipped: readonly Skipped[]): string {
  const lines = skipped.map(({ backend, contender, reason }) => {
    const what = [backend, contender].filter((part) => part !== undefined).join(", ");
    return `- ${what}: ${reason}`;
  });
  return ["Not measured:", "", ...lines].join("\n");
}
