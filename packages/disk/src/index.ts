/** The public surface of `@kv/disk`. */
import { fileURLToPath } from "node:url";
import { createStore, InvalidArgumentError, type KeyValueStore, type StoreOptions } from "@kv/core";
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
  const parts = /^disk:(?:\/\/(?=\/))?([^?#]+)(?:\?([^#]*))?$/i.exec(url);
  if (!parts?.[1] || parts[1].startsWith("//")) {
    throw new InvalidArgumentError('the URL of a disk store is "disk:./folder", "disk:/folder" or "disk:///folder"');
  }
  return diskStore({ ...options, path: pathOf(parts[1]), ...settingsOf(parts[2]) });
}

function pathOf(encoded: string): string {
  try {
    return encoded.startsWith("/") ? fileURLToPath(`file://${encoded}`) : decodeURIComponent(encoded);
  } catch (error) {
    throw new InvalidArgumentError("the path in the URL of a disk store is not well encoded", { cause: error });
  }
}

function settingsOf(query: string | undefined): { readonly sync?: boolean } {
  const settings: { sync?: boolean } = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== "sync" || (value !== "true" && value !== "false")) {
      throw new InvalidArgumentError('the URL of a disk store takes the parameter sync only, "true" or "false"');
    }
    settings.sync = value === "true";
  }
  return settings;
}
