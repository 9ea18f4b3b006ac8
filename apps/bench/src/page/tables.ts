/** The tables of the page, as Markdown. */
import { titleOf } from "../cases.ts";
import type { BackendName, ContenderName } from "../contender.ts";
import type { Results, Row } from "../results.ts";

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const ruler = head.map((_, index) => (index === 0 ? "---" : "---:"));
  return [head, ruler, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** A row for each case, a column for each contender: operations a second, and the share of the raw driver. */
export function speeds(backend: BackendName, { rows }: Results): string {
  const ours = rows.filter((row) => row.backend === backend);
  const names = [...new Set(ours.map(({ contender }) => contender))];
  const cases = [...new Map(ours.map((row) => [titleOf(row), row])).keys()];
  return table(
    ["", ...names, "kv p50 / p99 µs", "target"],
    cases.map((title) => {
      const found = (name: ContenderName): Row | undefined =>
        ours.find((row) => titleOf(row) === title && row.contender === name);
      const kv = found("kv");
      return [
        title,
        ...names.map((name) => cell(found(name), ours)),
        kv ? `${short(kv.p50 * 1000)} / ${short(kv.p99 * 1000)}` : "",
        kv?.share?.target === undefined ? "" : `${kv.share.met ? "✓" : "✗"} ${kv.share.target}`,
      ];
    }),
  );
}

function cell(row: Row | undefined, all: readonly Row[]): string {
  if (row === undefined) return "–";
  const { median, share } = row;
  if (share === undefined) return short(median);
  const [low, high] = share.quartiles.map((one) => one.toFixed(2));
  const best = isAhead(row, all) ? " ▲" : "";
  const noise = row.contender === "kv" ? ` (${low}–${high})` : "";
  return `${short(median)} **${share.median.toFixed(2)}**${noise}${best}`;
}

/** Fewer rounds have no quartiles worth the name. */
const ENOUGH = 3;

/** Whether it is a peer that is faster than kv, beyond the noise of both. */
export function isAhead(row: Row, all: readonly Row[]): boolean {
  if (row.contender === "raw" || row.contender.startsWith("kv")) return false;
  if (row.rounds.filter((speed) => speed !== null).length < ENOUGH) return false;
  const kv = all.find((one) => one.contender === "kv" && titleOf(one) === titleOf(row) && one.backend === row.backend);
  if (!kv) return false;
  if (row.share && kv.share) return row.share.quartiles[0] > kv.share.quartiles[1];
  return row.median > kv.best;
}

/** What the server was given for one operation, where contenders differ. */
export function commands(backend: BackendName, { rows }: Results): string | undefined {
  const told = rows.filter((row) => row.backend === backend && row.commands !== undefined && isPlain(row, rows));
  if (told.length === 0) return undefined;
  const names = [...new Set(told.map(({ contender }) => contender))];
  const operations = [...new Set(told.map(({ operation }) => operation))];
  return table(
    ["", ...names],
    operations.map((operation) => [
      operation,
      ...names.map(
        (name) => told.find((row) => row.operation === operation && row.contender === name)?.commands ?? "–",
      ),
    ]),
  );
}

/** One case of each operation: what it takes does not depend on sizes or callers. */
function isPlain({ backend, operation, size, concurrency }: Row, rows: readonly Row[]): boolean {
  const first = rows.find((row) => row.backend === backend && row.operation === operation);
  return first?.size === size && first.concurrency === concurrency;
}

/** Three digits are more than these figures hold. */
export function short(number: number): string {
  if (number >= 999_500) return `${(number / 1e6).toPrecision(3)}M`;
  if (number >= 999.5) return `${(number / 1e3).toPrecision(3)}k`;
  return number.toPrecision(number >= 99.5 ? 3 : 2);
}

/** How many times as fast as unstorage's file driver kv is to be. */
const TIMES = 5;

/** The operations by which it is held against that, and who does them: puts without a wait for the disk, as there. */
const AGAINST_FILES: { readonly [operation: string]: ContenderName } = { get: "kv", put: "kv-unsynced" };

/** Of the disk: where one file for each record is, which is what programs do without a library. */
export function besideFiles(rows: readonly Row[]): string {
  const times = rows.flatMap((row) => {
    if (AGAINST_FILES[row.operation] !== row.contender) return [];
    const files = rows.find(({ contender, ...one }) => contender === "unstorage" && titleOf(one) === titleOf(row));
    if (!files) return [];
    const ratio = row.median / files.median;
    return [`${titleOf(row)} ${ratio >= TIMES ? "✓" : "✗"} ${ratio.toFixed(ratio < 10 ? 1 : 0)}`];
  });
  if (times.length === 0) return "";
  return `How many times as fast as unstorage's file driver, of ${TIMES}, puts with \`sync: false\`: ${times.join(", ")}. At 10 KB JSON takes most of the time, for both: by profile 33 of the 66 µs of a put with 64 callers are \`JSON.stringify\`. One put at a time is on its way to the thread that writes and back for most of its time; on its own thread it would stop the whole program while another process writes. A put of kv's is a transaction of the database, of unstorage's a file written in place, half of which a crash can leave.`;
}
