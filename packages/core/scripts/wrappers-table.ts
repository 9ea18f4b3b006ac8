/** The README's table of what each wrapper needs and withdraws, from the wrappers themselves. Run: writes it into the README. */
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { completeStore } from "../examples/complete-driver.ts";
import { allCapabilities, type Capability } from "../src/capabilities.ts";
import { layeredWrappers } from "../src/conformance/wrappers.ts";
import type { Layer } from "../src/driver/index.ts";
import * as all from "../src/wrappers/index.ts";
import { telemetry } from "../src/wrappers/telemetry.ts";

/** Layers of the suite's own are none of them. */
const exported = [...Object.keys(all), "telemetry"];

type AnyLayer = Layer<Capability, Capability>;

/** One of each wrapper: those that the conformance suite puts on, and those that it cannot. */
export function allWrappers(): readonly AnyLayer[] {
  const found = new Map<string, AnyLayer>();
  const keep = (layer: AnyLayer): void => {
    if (exported.includes(layer.name)) found.set(layer.name, layer);
  };
  for (const { layers } of layeredWrappers) for (const layer of layers()) keep(layer);
  const other = completeStore();
  const ofSeveral = [all.cache(other, { ttl: 1, writes: "through" }), all.fallback(other)];
  for (const layer of [telemetry(), ...ofSeveral]) keep(layer);
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** With the lines that mark where it stands. */
export function wrappersTable(): string {
  const list = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(" ");
  const rows = allWrappers().map(({ name, needs, withdraws, notOutside = {} }) => {
    const keeps = withdraws.length === 0 ? "all" : list(allCapabilities.filter((one) => !withdraws.includes(one)));
    return `| \`${name}\` | ${list(needs)} | ${list(withdraws)} | ${keeps} | ${list(Object.keys(notOutside))} |`;
  });
  const head = "| wrapper | needs | withdraws | passes on | must not lie outside |\n|---|---|---|---|---|";
  return `${BEGIN}\n${head}\n${rows.join("\n")}\n${END}`;
}

const BEGIN = "<!-- wrappers: scripts/wrappers-table.ts -->";
const END = "<!-- /wrappers -->";

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const path = new URL("../README.md", import.meta.url);
  const readme = await readFile(path, "utf8");
  const [start, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (start < 0 || end < start) throw new Error("the README has no place for the table of wrappers");
  await writeFile(path, readme.slice(0, start) + wrappersTable() + readme.slice(end + END.length));
}
