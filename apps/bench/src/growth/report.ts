/** The growth as Markdown tables, and where a curve bends. */

import { describe } from "../machine.ts";
import { short, table } from "../page/tables.ts";
import type { Growth, GrowthBackend, GrowthOperation, RecordsPoint } from "./growth.ts";

/** How many times as much a call takes with ten times as many records, or callers, before it is called a bend. */
const BEND = 1.5;

export interface Bend {
  readonly backend: GrowthBackend;
  readonly operation: GrowthOperation | "callers";
  /** Between these numbers of records or callers. */
  readonly from: number;
  readonly to: number;
  readonly times: number;
}

export function growthReport(growth: Growth): string {
  const bends = bendsOf(growth);
  return [
    recordsTable(growth),
    "",
    callersTable(growth),
    "",
    ...bends.map(
      ({ backend, operation, from, to, times }) =>
        `${backend}, ${operation}: ×${times.toFixed(1)} from ${short(from)} to ${short(to)}.`,
    ),
    ...growth.skipped.map(({ backend, reason }) => `${backend} was not measured: ${reason}`),
    `${growth.seconds} s in all. ${describe(growth.machine)}`,
  ].join("\n");
}

/** Microseconds for a call, or for a record of what goes through all. */
export function recordsTable({ records }: Growth): string {
  const sizes = [...new Set(records.map((one) => one.records))];
  const lines = [...new Map(records.map((one) => [lineOf(one), one])).values()];
  return table(
    ["µs", ...sizes.map((size) => `${short(size)} records`)],
    lines.map((line) => [
      lineOf(line),
      ...sizes.map((size) => {
        const found = records.find((one) => one.records === size && lineOf(one) === lineOf(line));
        return found ? short(found.microseconds) : "–";
      }),
    ]),
  );
}

export function callersTable({ callers }: Growth): string {
  const numbers = [...new Set(callers.map((one) => one.callers))];
  const backends = [...new Set(callers.map(({ backend }) => backend))];
  return table(
    ["gets a second / p99 µs", ...numbers.map((number) => `×${number}`)],
    backends.map((backend) => [
      backend,
      ...numbers.map((number) => {
        const found = callers.find((one) => one.callers === number && one.backend === backend);
        return found ? `${short(found.perSecond)} / ${short(found.p99)}` : "–";
      }),
    ]),
  );
}

/** The steepest step of each curve, where that is a bend; of callers where more of them get less done in all. */
export function bendsOf({ records, callers }: Growth): Bend[] {
  const bends: Bend[] = [];
  for (const line of new Set(records.map(lineOf))) {
    const points = records.filter((one) => lineOf(one) === line);
    const steps = points.slice(1).map((to, index): Bend => {
      const from = points[index] as RecordsPoint;
      const { backend, operation } = to;
      return { backend, operation, from: from.records, to: to.records, times: to.microseconds / from.microseconds };
    });
    const steepest = steps.toSorted((a, b) => b.times - a.times)[0];
    if (steepest && steepest.times >= BEND) bends.push(steepest);
  }
  for (const backend of new Set(callers.map((one) => one.backend))) {
    const points = callers.filter((one) => one.backend === backend);
    const best = points.toSorted((a, b) => b.perSecond - a.perSecond)[0];
    const last = points.at(-1);
    if (best && last && best.perSecond / last.perSecond >= BEND) {
      const times = best.perSecond / last.perSecond;
      bends.push({ backend, operation: "callers", from: best.callers, to: last.callers, times });
    }
  }
  return bends;
}

function lineOf({ backend, operation }: RecordsPoint): string {
  return `${operation}, ${backend}`;
}
