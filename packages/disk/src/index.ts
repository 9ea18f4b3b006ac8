/** The public surface of `@kv/disk`. */
import { createStore, InvalidArgumentError, type KeyValueStore, type StoreOptions } from "@kv/core";
import { parseFolderUrl } from "@kv/core/driver";
import { DiskDriver, type DiskDriverOptions } from "./driver.ts";

export { DiskDriver, type DiskDriverOptions };

export type DiskStoreOptions = StoreOptions & DiskDriverOptions;

/**
 * A store in a folder, which several stores and processes of one machine may share.
 * @throws InvalidArgumentError
 */
export function diskStore(
  options: DiskStoreOptions,
): KeyValueStore<"write" | "atomic" | "enumerate" | "clear" | "durable"> {
  return createStore(new DiskDriver(options), options);
}

/**
 * `disk:./folder`, `disk:/absolute/folder` or `disk:///absolute/folder`, percent-encoded where need be; `?sync=false` as
 * the option.
 * @throws InvalidArgumentError
 */
export function fromUrl(url: string, options: StoreOptions = {}) {
  const { path, parameters } = parseFolderUrl(url, "disk");
  return diskStore({ ...options, path, ...settingsOf(parameters) });
}

function settingsOf(parameters: URLSearchParams): { readonly sync?: boolean } {
  const settings: { sync?: boolean } = {};
  for (const [name, value] of parameters) {
    if (name !== "sync" || (value !== "true" && value !== "false")) {
      throw new InvalidArgumentError('the URL of a disk store takes the parameter sync only, "true" or "false"');
    }
    settings.sync = value === "true";
  }
  return settings;
}
