/** The footprints as a Markdown table. */
import { describe } from "../machine.ts";
import { table } from "../page/tables.ts";
import type { Footprint } from "./footprint.ts";

export function footprintReport(found: Footprint): string {
  return [footprintTable(found), "", `${found.seconds} s in all. ${describe(found.machine)}`].join("\n");
}

export function footprintTable({ sets }: Footprint): string {
  return table(
    ["", "packages", "kB on disk", "kB bundled, minified, gzip", "ms to import"],
    sets.map(({ title, packages, bytes, gzip, importTime }) => [
      title,
      String(packages),
      kilobytes(bytes, 0),
      gzip === null ? "–" : kilobytes(gzip, 1),
      importTime.toFixed(0),
    ]),
  );
}

function kilobytes(bytes: number, digits: number): string {
  return (bytes / 1000).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
