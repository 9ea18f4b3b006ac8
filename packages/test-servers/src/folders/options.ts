// What a store in a folder tells the tests that all of them share.
import type { KeyValueStore, StoreOptions } from "@kv/core";
import type * as vitest from "vitest";
import { type Child, runNode } from "../children.ts";

export type Store = KeyValueStore<"write" | "atomic" | "enumerate" | "clear" | "durable">;

export interface FolderSuiteOptions {
  /** That of its URLs. */
  readonly scheme: string;
  open(options: { readonly path: string }): Store;
  /** The path of a folder that does not exist yet. */
  newFolder(): string;
}

export type Runner = typeof vitest;

/** By URL: with one program for all of them. */
export function startFolderChild(
  { scheme }: FolderSuiteOptions,
  file: string,
  path: string,
  ...rest: readonly string[]
): Child {
  return runNode(new URL(`children/${file}`, import.meta.url), [`${scheme}:${path}`, ...rest]);
}

export type FromUrl = (url: string, options?: StoreOptions) => { readonly driver: object };
