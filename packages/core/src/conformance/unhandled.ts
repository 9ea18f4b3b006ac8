/** Watches for rejections that nobody handles: they end a process. */
import { ConformanceError, describeError } from "./assertions.ts";

/** Of those that watch now: one listener serves them all, since Node.js warns of a leak above ten. */
const watchers = new Set<(reason: unknown) => void>();

function tellAll(reason: unknown): void {
  for (const tell of watchers) tell(reason);
}

/** Does `run`, and fails where meanwhile, or right after it, a rejection is left unhandled anywhere in the process. */
export async function quietly(run: () => Promise<void>): Promise<void> {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => {
    unhandled.push(reason);
  };
  if (watchers.size === 0) process.on("unhandledRejection", tellAll);
  watchers.add(note);
  try {
    await run();
    // Node.js tells of a rejection once all microtasks have run.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    watchers.delete(note);
    if (watchers.size === 0) process.off("unhandledRejection", tellAll);
  }
  if (unhandled.length > 0) {
    throw new ConformanceError(`a rejection was left unhandled: ${unhandled.map(describeError).join("; ")}`);
  }
}
