/** A report as TAP version 14. */
import type { Report } from "./runner.ts";

export function* tapLines({ name, results, notApplicable, milliseconds }: Report): Generator<string> {
  yield "TAP version 14";
  yield `# ${escapeTap(name)}`;
  yield `1..${results.length + notApplicable.length}`;
  let number = 0;
  for (const { property, error, milliseconds: took } of results) {
    number++;
    const title = escapeTap(`${property.id}: ${property.title}`);
    yield `${error === undefined ? "ok" : "not ok"} ${number} - ${title}`;
    yield "  ---";
    yield `  duration_ms: ${took.toFixed(1)}`;
    if (error !== undefined) {
      yield "  message: |";
      const text = error instanceof Error ? error.message : String(error);
      for (const line of text.split("\n")) yield `    ${line}`;
    }
    yield "  ...";
  }
  for (const { property, reason } of notApplicable) {
    number++;
    yield `ok ${number} - ${escapeTap(`${property.id}: ${property.title}`)} # SKIP ${escapeTap(reason)}`;
  }
  const failed = results.filter(({ error }) => error !== undefined).length;
  yield `# ${results.length - failed} passed, ${failed} failed, ${notApplicable.length} not applicable, ${Math.round(milliseconds)} ms`;
}

function escapeTap(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("#", "\\#").replaceAll("\n", " ");
}
