/** The status page: one HTML document without scripts, readable in light and dark, by eye and by ear. */
import { createHash } from "node:crypto";
import { Html, html } from "./html.ts";
import type { Status } from "./status.ts";

const STYLE = `
:root { color-scheme: light dark; --text: #1b1f24; --soft: #4d5661; --back: #ffffff; --line: #c3cad2; --up: #17692c; --down: #a31414; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e7ebf0; --soft: #b3bcc7; --back: #14181d; --line: #48525e; --up: #7ddc92; --down: #ff9d96; }
}
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p, caption, footer { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.up { color: var(--up); font-weight: 600; }
.down { color: var(--down); font-weight: 600; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: start; padding-bottom: .5rem; }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); text-align: end; }
th:first-child { min-width: 10rem; text-align: start; font-weight: 500; overflow-wrap: anywhere; }
footer { margin-top: 2rem; }
`;

/** Nothing may be loaded, run, framed or sent; only this very style is let through. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
  connection: "close",
};

export function pageOf(status: Status): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Knowledge base: the store is ${status.store}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<header><h1>Knowledge base</h1></header>
<main>
${overview(status)}
${cached(status)}
${exchanges(status)}
${collections(status)}
</main>
<footer>Numbers of this process since it was started. Reload the page for newer ones.</footer>
</body>
</html>
`.text;
}

function overview({ store, backend, encrypted, issuer, since }: Status): Html {
  return html`<section aria-labelledby="store">
<h2 id="store">Store</h2>
<dl>
<dt>State</dt><dd><span class="${store}">${store}</span></dd>
<dt>Backend</dt><dd>${backend}</dd>
<dt>Values</dt><dd>${encrypted ? "encrypted" : "in memory only"}</dd>
<dt>Users</dt><dd>${issuer === undefined ? "none: whoever gets here may call" : `log in at ${issuer}`}</dd>
<dt>Since</dt><dd><time datetime="${since.toISOString()}">${since.toUTCString()}</time></dd>
</dl>
</section>`;
}

function cached({ cache }: Status): Html {
  const rows = Object.entries(cache).map(([method, { hits, shared, misses, stored, failures }]) => {
    const asked = hits + shared + misses;
    const rate = asked === 0 ? "–" : `${(((hits + shared) / asked) * 100).toFixed(1)} %`;
    return [method, rate, hits, shared, misses, stored, failures];
  });
  return section("cache", "Answers from the cache", "How requests were answered, by method", rows, [
    "Method",
    "Hit rate",
    "Hits",
    "Shared",
    "Misses",
    "Stored",
    "Failures",
  ]);
}

function exchanges({ operations }: Status): Html {
  const rows = Object.entries(operations).map(([operation, { count, errors, latency }]) => {
    const failed = Object.values(errors).reduce((sum, times) => sum + times, 0);
    return [operation, count, failed, ...[latency.p50, latency.p90, latency.p99, latency.max].map(inMilliseconds)];
  });
  return section("exchanges", "Exchanges with the store", "How many, and how long they took, in milliseconds", rows, [
    "Operation",
    "Count",
    "Failed",
    "Median",
    "90 %",
    "99 %",
    "Longest",
  ]);
}

function collections({ collections, moreCollections }: Status): Html {
  const rows = collections?.map(({ name, records, more }) => [name, more ? `more than ${records}` : records]);
  const title = "Collections";
  if (rows === undefined) {
    return html`<section aria-labelledby="collections"><h2 id="collections">${title}</h2><p>They could not be counted now.</p></section>`;
  }
  const caption = `What lies in the store of this server${moreCollections ? `: the first ${rows.length} collections` : ""}`;
  return section("collections", title, caption, rows, ["Collection", "Records"]);
}

function section(
  id: string,
  title: string,
  caption: string,
  rows: readonly (readonly (string | number)[])[],
  columns: readonly string[],
): Html {
  if (rows.length === 0)
    return html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2><p>None yet.</p></section>`;
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
<div class="scroll" role="region" aria-labelledby="${id}-caption" tabindex="0">
<table>
<caption id="${id}-caption">${caption}</caption>
<thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>${rows.map(rowOf)}</tbody>
</table>
</div>
</section>`;
}

function rowOf([first = "", ...rest]: readonly (string | number)[]): Html {
  return html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>\n`;
}

function inMilliseconds(duration: number): string {
  return duration < 10 ? duration.toFixed(2) : duration.toFixed(0);
}
