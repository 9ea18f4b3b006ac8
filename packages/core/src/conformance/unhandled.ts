/** Watches for rejections that nobody handles: they end a process. */
import { ConformanceError, describeError } from "./assertions.ts";

/** Does `run`, and fails where meanwhile, or right after it, a rejection is left unhandled anywhere in the process. */
export async function quietly(run: () => Promise<void>): Promise<void> {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => {
    unhandled.push(reason);
  };
  process.on("unhandledRejection", note);
  try {
    await run();
    // Node.js tells of a rejection once all microtasks have run.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("unhandledRejection", note);
  }
  if (unhandled.length > 0) {
    throw new ConformanceError(`a rejection was left unhandled: ${unhandled.map(describeError).join("; ")}`);
  }
}
