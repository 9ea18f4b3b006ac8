/** How a source is changed for one run of vitest, so that nothing is written. */
import type { Plugin } from "vitest/config";

export interface Change {
  /** Below `src/`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** @param change as JSON; none: the sources are as they are */
export function mutating(change: string | undefined): Plugin[] {
  if (change === undefined) return [];
  const { file, from, to }: Change = JSON.parse(change);
  return [
    {
      name: "kv-mutant",
      enforce: "pre",
      transform(code, id) {
        return id.endsWith(`/packages/core/src/${file}`) ? code.replace(from, () => to) : undefined;
      },
    },
  ];
}
