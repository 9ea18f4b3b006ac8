// Where the program of a server can come from, and how it is launched from there.

import { randomUUID } from "node:crypto";
import { need, run, Unavailable } from "./system.ts";

/** A place to take a server's program from. */
export interface Source {
  readonly name: string;
  /** One line on what is there or would be fetched, without fetching it. Rejects with `Unavailable`. */
  look(): Promise<string>;
  /** The program, fetched if need be. Rejects with `Unavailable`. */
  get(): Promise<Program>;
}

/** A server's program that is ready to run here. */
export interface Program {
  /** Where it comes from, for error messages. */
  readonly origin: string;
  /** The address that the server must listen on to be reached at 127.0.0.1. */
  readonly host: string;
  /** True where it waits for the disk so much that its data had better lie in memory, if there is room. */
  readonly inMemory?: boolean;
  launch(run: Run): Launch;
}

export interface Run {
  readonly folder: string;
  readonly data: string;
  readonly port: number;
  readonly args: readonly string[];
}

/**
 * What to spawn, by default as the user that we are. With `container`, the child is only a client, and signals go to the
 * container of that name.
 */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly container?: string;
}

/** A program that runs as our own child. */
export function native(command: string, origin: string, env: Record<string, string> = {}): Program {
  return { origin, host: "127.0.0.1", launch: ({ args }) => ({ command, args, env }) };
}

/** A program on the PATH. */
export function onPath(program: string): Source {
  return {
    name: "PATH",
    look: async () => need(program),
    get: async () => native(need(program), "on the PATH"),
  };
}

/**
 * A program in a Docker image, if an engine answers. The folder is mounted at its own path, so that the arguments are
 * those of a native server. On Linux it shares the host's network; elsewhere only its port is published.
 */
export function docker(image: string, program: string): Source {
  return {
    name: "docker",
    async look() {
      await answeringEngine();
      return `image ${image}`;
    },
    async get() {
      const command = await answeringEngine();
      await run(command, ["image", "inspect", image])
        .catch(() => run(command, ["pull", "--quiet", image]))
        .catch(() => {
          throw new Unavailable(`docker could not pull ${image}`);
        });
      const shared = process.platform === "linux";
      return {
        origin: `Docker image ${image}`,
        host: shared ? "127.0.0.1" : "0.0.0.0",
        launch({ folder, port, args }) {
          const container = `kv-test-${randomUUID()}`;
          const network = shared ? ["--network", "host"] : ["--publish", `127.0.0.1:${port}:${port}`];
          const user = shared ? ["--user", `${process.getuid?.()}:${process.getgid?.()}`] : [];
          const mount = ["--volume", `${folder}:${folder}`];
          const options = ["--rm", "--name", container, ...network, ...user, ...mount, "--entrypoint", program];
          return { command, args: ["run", ...options, image, ...args], env: {}, container };
        },
      };
    },
  };
}

async function answeringEngine(): Promise<string> {
  const command = need("docker");
  await run(command, ["version", "--format", "{{.Server.Version}}"], { timeout: 10_000 }).catch(() => {
    throw new Unavailable("no docker engine answers");
  });
  return command;
}
