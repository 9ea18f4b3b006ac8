// The stores of a test file's tests, closed after each.

import type * as vitest from "vitest";

interface Closable {
  close(): Promise<void>;
}

export interface Stores<Options, Store> {
  /** A store of the test's own. */
  open(options: Options): Store;
  /** What else is to be undone after the test, the last one first. */
  later(undo: () => unknown): void;
}

/** `runner` is vitest itself: `import * as vitest from "vitest"`. */
export function storesOf<Options, Store extends Closable>(
  runner: typeof vitest,
  make: (options: Options) => Store,
): Stores<Options, Store> {
  const undoing: (() => unknown)[] = [];
  runner.afterEach(async () => {
    for (const undo of undoing.splice(0).reverse()) await undo();
  });
  return {
    open(options) {
      const store = make(options);
      undoing.push(() => store.close());
      return store;
    },
    later: (undo) => {
      undoing.push(undo);
    },
  };
}
