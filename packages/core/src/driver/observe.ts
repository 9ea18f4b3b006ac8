/** For wrappers that watch exchanges or hold them back: how one ended, and how a call ended that nobody waits for. */
import { asKeyValueError, type KeyValueError } from "../errors.ts";
import { type Call, isPromise, type MaybePromise } from "./driver.ts";

/**
 * Calls `listener` when the call ends without an answer: at its deadline, or by its caller. Not where it has ended
 * already. The function that it gives ends the listening.
 */
export function whenCancelled(call: Call, listener: (error: KeyValueError) => void): () => void {
  if (call.onCancel) return call.onCancel(listener);
  const { signal } = call;
  const onAbort = (): void => listener(asKeyValueError(signal.reason));
  signal.addEventListener("abort", onAbort);
  return () => signal.removeEventListener("abort", onAbort);
}

/** Resolves after a while, earlier where the call is cancelled. */
export function pause(milliseconds: number, call: Call): Promise<void> {
  return new Promise((resolve) => {
    if (call.ended) return resolve();
    const wake = (): void => {
      clearTimeout(timer);
      ignore();
      resolve();
    };
    const timer = setTimeout(wake, milliseconds);
    const ignore = whenCancelled(call, wake);
  });
}

/**
 * Does the exchange and says once how it ended: by an answer, by an error, or by the end of its call, which a driver that
 * hangs outlasts. `ended` must not throw.
 */
export function observed<T>(
  call: Call,
  exchange: (call: Call) => MaybePromise<T>,
  ended: (error: KeyValueError | undefined, answer: T | undefined) => void,
): MaybePromise<T> {
  let answer: MaybePromise<T>;
  try {
    answer = exchange(call);
  } catch (error) {
    ended(asKeyValueError(error), undefined);
    throw error;
  }
  if (isPromise(answer)) watch(call, answer, ended);
  else ended(undefined, answer);
  return answer;
}

function watch<T>(
  call: Call,
  answer: Promise<T>,
  ended: (error: KeyValueError | undefined, answer: T | undefined) => void,
): void {
  let told = false;
  const tell = (error: KeyValueError | undefined, value: T | undefined): void => {
    if (told) return;
    told = true;
    ignore();
    ended(error, value);
  };
  const ignore = whenCancelled(call, (error) => tell(error, undefined));
  answer.then(
    (value) => tell(undefined, value),
    (error: unknown) => tell(asKeyValueError(error), undefined),
  );
}
