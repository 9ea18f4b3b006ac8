/** Listening to a signal that many calls share. */

interface Listening {
  readonly calls: Set<() => void>;
  readonly onAbort: () => void;
}
/** One listener for all calls with one signal, since Node.js warns of a leak where a signal has more than ten. */
const listening = new WeakMap<AbortSignal, Listening>();

/** Calls `onAbort` when the signal is aborted, unless the function that it gives was called before. */
export function listen(signal: AbortSignal, onAbort: () => void): () => void {
  const shared = listening.get(signal) ?? listenAll(signal);
  shared.calls.add(onAbort);
  return () => {
    if (!shared.calls.delete(onAbort) || shared.calls.size > 0) return;
    signal.removeEventListener("abort", shared.onAbort);
    listening.delete(signal);
  };
}

function listenAll(signal: AbortSignal): Listening {
  const calls = new Set<() => void>();
  const shared = {
    calls,
    onAbort: () => {
      for (const call of [...calls]) call();
    },
  };
  signal.addEventListener("abort", shared.onAbort, { once: true });
  listening.set(signal, shared);
  return shared;
}
