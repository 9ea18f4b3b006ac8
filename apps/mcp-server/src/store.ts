/** The store behind the server: opened by URL, and watched, so that one line tells when it goes and when it is back. */
import { KeyValueError, type KeyValueStore, openStore } from "@kv/core";
import { type EncryptionKey, encryption, prefixCollections, type Statistics, statistics } from "@kv/core/wrappers";

/** What the notes need beyond what every store can do: being listed. */
type Needed = "write" | "enumerate";

export interface OpenedStore {
  readonly store: KeyValueStore<Needed>;
  /** Counts what goes through the store. */
  readonly counted: Statistics;
  /** To be told of each failure: of the store's own, the first one is said, and its end. */
  failed(error: unknown): void;
}

/** How often a store that is down is asked again, in milliseconds. */
const PROBE_INTERVAL = 500;

/**
 * Opens the store, whether its backend answers or not: what can be served without it is, and all else once it is there.
 * @param keysFor gives the keys that encrypt the values, asked once the URL is known to be good; none: they stay as they are
 * @throws KeyValueError where waiting does not help: a wrong URL, a missing package, wrong credentials
 */
export async function openWatched(
  url: string,
  keysFor: (url: string) => Promise<readonly EncryptionKey[]>,
  say: (line: string) => void,
): Promise<OpenedStore> {
  const whole = await openStore(url, {
    needs: ["write", "enumerate"],
    onEvent: ({ type, error }) => {
      if (type === "background-error") say(`The store reports ${describe(error)}`);
    },
  });
  let probing = false;

  const probe = (): void => {
    const timer = setTimeout(async () => {
      try {
        await whole.ping({ timeout: "2s" });
        probing = false;
        say("The store is back.");
      } catch (error) {
        if (error instanceof KeyValueError && error.code === "STORE_CLOSED") return;
        probe();
      }
    }, PROBE_INTERVAL);
    timer.unref();
  };

  const failed = (error: unknown): void => {
    if (!isOutage(error) || probing) return;
    probing = true;
    say(
      `The store ${shown(url)} is down (${describe(error)}): notes and the cache wait until it is back, the rest works.`,
    );
    probe();
  };

  try {
    await whole.ping({ timeout: "2s" }).catch((error: unknown) => {
      if (!isOutage(error)) throw error;
      failed(error);
    });
    const keys = await keysFor(url);
    const encrypted = keys.length > 0 ? whole.with(encryption({ keys })) : whole;
    const counted = statistics();
    // Others may keep their things in the same Redis.
    return { store: encrypted.with(prefixCollections("knowledge-base")).with(counted), counted, failed };
  } catch (error) {
    await whole.close();
    throw error;
  }
}

/** A URL without what may be secret in it. */
export function shown(url: string): string {
  return url.replace(/\/\/.*@/s, "//").replace(/\?.*$/s, "");
}

/** One line about a failure: core's messages hold no secrets and no values. */
export function describe(error: unknown): string {
  return error instanceof KeyValueError ? `${error.code}: ${error.message}` : String(error);
}

function isOutage(error: unknown): boolean {
  return error instanceof KeyValueError && error.retryable;
}
