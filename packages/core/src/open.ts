/** `openStore`, whose code is loaded when it is first called. */
import type { Capability } from "./capabilities.ts";
import type { OpenOptions } from "./open-store.ts";
import type { KeyValueStore } from "./store.ts";

/**
 * The store that a URL names: `memory:`, `disk:./folder`, `redis://host:6379/0` … Nothing connects before the first
 * operation.
 * @throws InvalidArgumentError, BackendNotInstalledError, UnsupportedOperationError where it lacks what is needed
 */
export async function openStore<K extends Capability = never>(
  url: string,
  options: OpenOptions<K> = {},
): Promise<KeyValueStore<K>> {
  const { openByUrl } = await import("./later.ts");
  return openByUrl(url, options);
}
