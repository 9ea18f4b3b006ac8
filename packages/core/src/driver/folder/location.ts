/** Where a store's folder is: by path, by URL. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { InvalidArgumentError } from "../../errors.ts";

/** The path, absolute: what is relative is so to the current folder. @throws InvalidArgumentError */
export function absolutePath(path: string): string {
  if (typeof path === "string" && path !== "" && !path.includes("\0")) return resolve(path);
  throw new InvalidArgumentError("path must be the name of a folder");
}

/**
 * The parts of `scheme:./folder`, `scheme:/folder` or `scheme:///folder`, percent-encoded where need be.
 * @throws InvalidArgumentError
 */
export function parseFolderUrl(
  url: string,
  scheme: string,
): { readonly path: string; readonly parameters: URLSearchParams } {
  const prefix = `${scheme}:`;
  const rest = url.slice(0, prefix.length).toLowerCase() === prefix ? url.slice(prefix.length) : "";
  const parts = /^(?:\/\/(?=\/))?([^?#]+)(?:\?([^#]*))?$/.exec(rest);
  if (!parts?.[1] || parts[1].startsWith("//")) {
    throw new InvalidArgumentError(
      `the URL of a ${scheme} store is "${prefix}./folder", "${prefix}/folder" or "${prefix}///folder"`,
    );
  }
  return { path: decode(parts[1], scheme), parameters: new URLSearchParams(parts[2]) };
}

function decode(path: string, scheme: string): string {
  try {
    return path.startsWith("/") ? fileURLToPath(`file://${path}`) : decodeURIComponent(path);
  } catch (error) {
    throw new InvalidArgumentError(`the path in the URL of a ${scheme} store is not well encoded`, { cause: error });
  }
}
