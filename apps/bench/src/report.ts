/** The results as Markdown, for people. */
import { titleOf } from "./cases.ts";
import { describe } from "./machine.ts";
import { short } from "./page/tables.ts";
import type { Results, Row } from "./results.ts";

const HEAD = [
  [
    "",
    "ops/s best",
    "median",
    "spread",
    "share of raw",
    "quartiles",
    "by best",
    "by CPU",
    "target",
    "p50 µs",
    "p99 µs",
    "commands",
  ],
  ["---", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---"],
];

export function reportOf({ rows, weights, skipped, settings, machine, meanBytes, seconds }: Results): string {
  const backends = settings.backends.filter((one) => rows.some(({ backend }) => backend === one));
  const targets = rows.flatMap(({ share }) => (share?.met === undefined ? [] : [share.met]));
  const sizes = Object.entries(meanBytes).map(([size, bytes]) => `"${size}" is ${bytes} bytes of JSON on average`);
  return [
    ...backends.map((backend) => {
      const lines = rows.filter((row) => row.backend === backend).map(cellsOf);
      return [`## ${backend}`, "", ...[...HEAD, ...lines].map((cells) => `| ${cells.join(" | ")} |`), ""].join("\n");
    }),
    ...weights.map(
      ({ contender, bytes }) => `Heap for a record of 100 B in memory, ${contender}: ${Math.round(bytes)} bytes.`,
    ),
    ...skipped.map(
      ({ backend, contender, reason }) =>
        `${[backend, contender].filter(Boolean).join(", ")} was not measured: ${reason}`,
    ),
    `${targets.filter(Boolean).length} of ${targets.length} targets met.`,
    `${settings.rounds} rounds of ${settings.length.counted} ms in ${settings.processes === 1 ? "one process" : `${settings.processes} processes`} of each, ${seconds} s in all; ${sizes.join(", ")}.`,
    describe(machine),
  ].join("\n");
}

function cellsOf(row: Row): string[] {
  const { contender, best, median, spread, share, p50, p99, commands } = row;
  return [
    `${titleOf(row)}, ${contender}`,
    short(best),
    short(median),
    percent(spread),
    share ? `**${share.median.toFixed(2)}**` : "",
    share ? share.quartiles.map((one) => one.toFixed(2)).join("–") : "",
    share ? share.best.toFixed(2) : "",
    share ? share.cpu.toFixed(2) : "",
    share?.target === undefined ? "" : `${share.met ? "✓" : "✗"} ${share.target}`,
    short(p50 * 1000),
    short(p99 * 1000),
    commands ?? "",
  ];
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}
