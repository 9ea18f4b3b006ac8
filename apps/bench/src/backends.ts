/** What a backend needs before its contenders can be opened: a server, a folder. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Server, startServer } from "@kv/test-servers";
import { type CommandCounter, memcachedCommands, redisCommands } from "./commands.ts";
import type { BackendName, ContenderName } from "./contender.ts";
import { contendersOf } from "./contenders/index.ts";
import { newFolder } from "./folders.ts";

/** Where the contenders of one backend work. Disposing ends the server and removes the folders. */
export interface Place extends AsyncDisposable {
  /** The server's URL, or a folder of the contender's own. */
  location(contender: ContenderName): string;
  /** Others go on with it: nothing may be left behind. */
  readonly shared: boolean;
  /** Where the server can tell. */
  readonly commands?: CommandCounter;
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
      return { place: { location: () => "", shared: false, async [Symbol.asyncDispose]() {} } };
    case "disk":
    case "rocksdb": {
      const folder = newFolder();
      return {
        place: {
          location: (contender) => join(folder, contender),
          shared: false,
          [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
        },
      };
    }
    case "memcached": {
      // One of our own has so much memory that it evicts nothing of what all contenders put there.
      const options = process.env.KV_TEST_MEMCACHED_URL ? undefined : { memory: 1024 };
      const { server, skipped } = await startServer(backend, options);
      return server === undefined ? { skipped } : { place: placeOn(backend, server) };
    }
    case "redis":
    case "valkey":
    case "mongodb":
    case "elasticsearch":
    case "dynamodb": {
      const { server, skipped } = await startServer(backend === "dynamodb" ? "dynalite" : backend);
      return server === undefined ? { skipped } : { place: placeOn(backend, server) };
    }
  }
}

function placeOn(backend: BackendName, server: Server): Place {
  const commands = commandsOf(backend, server);
  // A database for each, so that none walks through the records of another.
  const numbered = (backend === "redis" || backend === "valkey") && !server.external;
  return {
    location: (contender) => (numbered ? `${server.url}/${contendersOf(backend).indexOf(contender)}` : server.url),
    shared: server.external,
    ...(commands && { commands }),
    async [Symbol.asyncDispose]() {
      await commands?.[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

function commandsOf(backend: BackendName, { port, external }: Server): CommandCounter | undefined {
  // Others may send some at the same time.
  if (external) return undefined;
  if (backend === "redis" || backend === "valkey") return redisCommands(port);
  return backend === "memcached" ? memcachedCommands(port) : undefined;
}
