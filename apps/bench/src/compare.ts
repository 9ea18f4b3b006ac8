/** What changed between two results, beyond noise. */
import { titleOf } from "./cases.ts";
import type { Results, Row } from "./results.ts";
import { median, ratioInterval } from "./statistics.ts";

interface Change {
  readonly title: string;
  readonly before: number;
  readonly after: number;
  readonly ratio: number;
  /** The true ratio lies in it 99 times of 100. */
  readonly interval: readonly [number, number];
}

/**
 * The shares of the raw driver are compared, round by round, since they hold on a machine that was busier or is another
 * one; of the raw driver itself, and where it has no such operation, the operations a second.
 */
export function comparisonOf(before: Results, after: Results): string {
  const changes = after.rows.flatMap((row) => changeOf(row, before, after) ?? []);
  if (changes.length === 0) return "The two have no case in common.";
  const real = changes.filter(({ interval: [low, high] }) => low > 1 || high < 1);
  const lines = real
    .toSorted((a, b) => a.ratio - b.ratio)
    .map(({ title, before, after, ratio, interval: [low, high] }) => {
      const cells = [
        title,
        figure(before),
        figure(after),
        `×${ratio.toFixed(2)}`,
        `${low.toFixed(2)}–${high.toFixed(2)}`,
      ];
      return `| ${cells.join(" | ")} |`;
    });
  const head = ["| | before | after | change | 99 in 100 |", "| --- | ---: | ---: | ---: | ---: |"];
  return [
    ...(lines.length > 0 ? [...head, ...lines, ""] : []),
    `${real.length} of ${changes.length} cases changed beyond noise; of so many, ${Math.ceil(changes.length / 100)} would seem to by chance.`,
    `Shares of the raw driver where there is one, else operations a second.`,
  ].join("\n");
}

function changeOf(row: Row, before: Results, after: Results): Change | undefined {
  const old = before.rows.find((one) => isSame(one, row));
  if (old === undefined) return undefined;
  const [olds, news] = [figuresOf(old, before), figuresOf(row, after)];
  // One round has no noise that could be told from a change.
  if (olds.length < 2 || news.length < 2) return undefined;
  return {
    title: `${row.backend}: ${titleOf(row)}, ${row.contender}`,
    before: median(olds),
    after: median(news),
    ratio: median(news) / median(olds),
    interval: ratioInterval(olds, news),
  };
}

function figuresOf(row: Row, { rows }: Results): number[] {
  const raw = row.share && rows.find((one) => isSame(one, { ...row, contender: "raw" }));
  return row.rounds.flatMap((speed, round) => {
    if (speed === null) return [];
    const beside = raw?.rounds[round];
    return raw === undefined ? [speed] : beside == null ? [] : [speed / beside];
  });
}

function isSame(one: Row, other: Row): boolean {
  const fields = ["backend", "contender", "operation", "size", "concurrency"] as const;
  return fields.every((field) => one[field] === other[field]);
}

function figure(number: number): string {
  return number >= 100 ? number.toFixed(0) : number.toFixed(2);
}
