/** What a backend needs before its contenders can be opened: a server, a folder. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { startServer } from "@kv/test-servers";
import type { BackendName, ContenderName } from "./contender.ts";
import { newFolder } from "./folders.ts";

/** Where the contenders of one backend work. Disposing ends the server and removes the folders. */
export interface Place extends AsyncDisposable {
  /** The server's URL, or a folder of the contender's own. */
  location(contender: ContenderName): string;
}

/** `skipped`: one line that says why it cannot be had here. */
export type Prepared =
  | { readonly place: Place; readonly skipped?: never }
  | { readonly place?: never; readonly skipped: string };

export async function prepare(backend: BackendName): Promise<Prepared> {
  switch (backend) {
    case "memory":
    case "around-1":
    case "around-5":
      return { place: { location: () => "", async [Symbol.asyncDispose]() {} } };
    case "disk":
    case "rocksdb": {
      const folder = newFolder();
      return {
        place: {
          location: (contender) => join(folder, contender),
          [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
        },
      };
    }
    case "redis":
    case "valkey":
    case "memcached":
    case "mongodb":
    case "dynamodb": {
      const { server, skipped } = await startServer(backend === "dynamodb" ? "dynalite" : backend);
      if (server === undefined) return { skipped };
      return { place: { location: () => server.url, [Symbol.asyncDispose]: () => server.stop() } };
    }
  }
}
