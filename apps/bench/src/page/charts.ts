/** Charts as SVG, and from it PNG. */
import { fileURLToPath } from "node:url";
import * as Plot from "@observablehq/plot";
import { Resvg } from "@resvg/resvg-js";
import { parseHTML } from "linkedom";

const WIDTH = 720;
const KV = "#0b7a5b";
const OTHERS = "#9aa5b1";
const FONT = "DejaVu Sans";
const STYLE = { fontFamily: `${FONT}, Verdana, sans-serif`, fontSize: "11px", background: "white", color: "#1f2933" };

export interface Bar {
  readonly group: string;
  readonly name: string;
  readonly share: number;
}

/** Where a bar ends that would be longer: a live object instead of a copy can be a hundred times as fast. */
const LONGEST = 2.5;

/** A group of bars for each case, kv's in colour, with a line at the raw driver. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const groups = [...new Set(bars.map(({ group }) => group))];
  const names = [...new Set(bars.map(({ name }) => name))];
  return svgOf({
    title,
    height: 60 + groups.length * (names.length * 15 + 12),
    marginLeft: 110,
    marginRight: 150,
    x: { domain: [0, LONGEST * 1.1], label: "share of the raw driver →", grid: true },
    y: { domain: names, label: null, tickSize: 0 },
    fy: { domain: groups, label: null, padding: 0.12 },
    marks: [
      Plot.barX(bars, {
        x: ({ share }: Bar) => Math.min(share, LONGEST),
        y: "name",
        fy: "group",
        fill: ({ name }: Bar) => (name === "kv" ? KV : OTHERS),
        insetTop: 1,
        insetBottom: 1,
      }),
      Plot.ruleX([1], { stroke: STYLE.color, strokeDasharray: "3,3" }),
      Plot.text(bars, {
        x: ({ share }: Bar) => Math.min(share, LONGEST),
        y: "name",
        fy: "group",
        text: ({ share }: Bar) => (share >= 10 ? share.toFixed(0) : share.toFixed(2)),
        textAnchor: "start",
        dx: 4,
      }),
    ],
  });
}

export interface Point {
  /** A chart of its own. */
  readonly panel: string;
  readonly line: string;
  readonly x: number;
  readonly y: number;
}

/** Lines over a logarithmic x, each with its name at its end; one chart below the other. */
export function lineChart(
  title: string,
  labels: { readonly x: string; readonly y: string },
  points: readonly Point[],
): string {
  const panels = [...new Set(points.map(({ panel }) => panel))];
  return svgOf({
    title,
    height: 50 + panels.length * 130,
    marginLeft: 60,
    marginRight: 170,
    x: { type: "log", label: `${labels.x} →`, tickFormat: "~s" },
    y: { type: "log", label: `↑ ${labels.y}`, grid: true, tickFormat: "~s", ticks: 4 },
    fy: { domain: panels, label: null, padding: 0.15 },
    color: { type: "categorical", scheme: "dark2" },
    marks: [
      Plot.frame({ stroke: "#d3d9df" }),
      Plot.line(points, { x: "x", y: "y", fy: "panel", z: "line", stroke: "line", strokeWidth: 2 }),
      Plot.dot(points, { x: "x", y: "y", fy: "panel", fill: "line", r: 2.5 }),
      Plot.text(points, {
        ...Plot.selectLast({ x: "x", y: "y", fy: "panel", z: "line", text: "line", fill: "line" }),
        textAnchor: "start",
        dx: 6,
      }),
    ],
  });
}

function svgOf({ title, ...options }: Plot.PlotOptions & { readonly title: string }): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const svg = Plot.plot({ ...options, title: "", document, width: WIDTH, marginTop: 34, style: STYLE });
  // A title of Plot's own would be HTML around the SVG.
  const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
  text.setAttribute("x", "8");
  text.setAttribute("y", "18");
  text.setAttribute("text-anchor", "start");
  text.setAttribute("font-size", "14");
  text.setAttribute("font-weight", "bold");
  text.textContent = title;
  const found = svg.tagName.toLowerCase() === "svg" ? svg : svg.querySelector("svg");
  if (!found) throw new Error("no SVG came");
  found.append(text);
  found.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  found.setAttribute("role", "img");
  found.setAttribute("aria-label", title);
  // Names that Plot draws by lot would make every chart a change.
  return `${found.outerHTML.replace(/plot-[0-9a-f]+/g, "plot")}\n`;
}

/** @returns a PNG of half as many pixels again, which stays sharp and small */
export function pngOf(svg: string): Uint8Array {
  const image = new Resvg(svg, {
    background: "white",
    fitTo: { mode: "zoom", value: 1.5 },
    font: {
      loadSystemFonts: false,
      fontFiles: [
        fileURLToPath(import.meta.resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf")),
        fileURLToPath(import.meta.resolve("dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf")),
      ],
      defaultFontFamily: FONT,
    },
  });
  return image.render().asPng();
}
