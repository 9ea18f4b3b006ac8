/** Waiting for what a client emits. */
import { type EventEmitter, setMaxListeners } from "node:events";

/** Until the client emits one of the events, or nobody waits any more. */
export function nextOf(client: EventEmitter, events: readonly string[], signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      for (const event of events) client.off(event, settle);
      signal?.removeEventListener("abort", settle);
      resolve();
    };
    for (const event of events) client.on(event, settle);
    signal?.addEventListener("abort", settle);
  });
}

/** What comes of a promise, or what `leave` throws once nobody waits any more. */
export async function until<T>(signal: AbortSignal, promise: Promise<T>, leave: () => Error): Promise<T> {
  let settle = (): void => {};
  const left = new Promise<never>((_, reject) => {
    settle = () => reject(leave());
    // A batch waits for several nodes at once, which is no leak.
    setMaxListeners(0, signal);
    signal.addEventListener("abort", settle);
  });
  try {
    return await Promise.race([promise, left]);
  } finally {
    signal.removeEventListener("abort", settle);
  }
}
