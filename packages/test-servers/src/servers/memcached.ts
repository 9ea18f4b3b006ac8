// memcached 1.6, plain, with SASL or with TLS.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { apt } from "../apt.ts";
import type { Plan, Recipe, StartOptions } from "../server.ts";
import { docker, type Launch, onPath, type Source } from "../source.ts";
import { Unavailable } from "../system.ts";
import { type Certificate, makeCertificate } from "../tls.ts";

export interface MemcachedOptions extends StartOptions {
  /** It lets nobody in but this user, by SASL's mechanism PLAIN. Both are in `url`. */
  readonly sasl?: { readonly username: string; readonly password: string };
  /** TLS only: `url` is `memcacheds://`, and `ca` is what to trust. */
  readonly tls?: boolean;
  /** Such as `"4m"`. Default: 1 MiB, its own. */
  readonly maxItemSize?: string;
  /** In MiB. Default: 64, its own. */
  readonly memory?: number;
}

/** Files in the server's folder: the port that it has got, who may log in, and SASL's settings and database. */
const FILES = { port: "port", passwords: "passwords", settings: "memcached.conf", database: "sasldb" } as const;

export const memcached: Recipe<MemcachedOptions> = {
  name: "memcached",
  variable: "KV_TEST_MEMCACHED_URL",
  port: 11211,
  sources: [
    withSasl(onPath("memcached")),
    withSasl(apt("memcached", "usr/bin/memcached", { also: ["sasl2-bin", "libsasl2-modules"] })),
    withSasl(docker("memcached:1.6-alpine", "memcached")),
  ],
  async prepare({ folder, host }, { sasl, tls, maxItemSize, memory, args = [] }): Promise<Plan> {
    const portFile = join(folder, FILES.port);
    if (sasl) {
      await writeFile(join(folder, FILES.passwords), `${sasl.username}:${sasl.password}\n`);
      await writeFile(
        join(folder, FILES.settings),
        `mech_list: plain\npwcheck_method: auxprop\nsasldb_path: ${join(folder, FILES.database)}\n`,
      );
    }
    const certificate = tls ? await makeCertificate(folder) : undefined;
    const login = sasl ? `${encodeURIComponent(sasl.username)}:${encodeURIComponent(sasl.password)}@` : "";
    const settings = [
      ...["-l", host, "-U", "0"],
      // Only root has to say who it will be; its folder is closed to anybody else.
      ...(process.getuid?.() === 0 ? ["-u", "root"] : []),
      ...(sasl ? ["-S"] : []),
      ...(certificate ? encrypted(certificate) : []),
      ...(maxItemSize ? ["-I", maxItemSize] : []),
      ...(memory ? ["-m", `${memory}`] : []),
      ...args,
    ];
    return {
      args(port) {
        rmSync(portFile, { force: true });
        return ["-p", `${port}`, ...settings];
      },
      url: (port) => `memcached${certificate ? "s" : ""}://${login}127.0.0.1:${port}`,
      ca: certificate?.ca,
      // Its own word, written once it listens: what answers on the port may be another's.
      ready: async (port) =>
        existsSync(portFile) && readFileSync(portFile, "utf8").split("\n").includes(`TCP INET: ${port}`),
    };
  },
};

function encrypted({ certificateFile, keyFile }: Certificate): string[] {
  return ["-Z", "-o", `ssl_chain_cert=${certificateFile},ssl_key=${keyFile}`];
}

/** A source of memcached that tells it by its environment where its files are, and makes SASL's database. */
function withSasl(source: Source): Source {
  return {
    ...source,
    async get() {
      const program = await source.get();
      return {
        ...program,
        launch(run) {
          const launch = program.launch(run);
          const file = (name: keyof typeof FILES) => join(run.folder, FILES[name]);
          const env = {
            MEMCACHED_PORT_FILENAME: file("port"),
            SASL_CONF_PATH: run.folder,
            // Of builds that can read passwords without a database, such as those in Docker images.
            MEMCACHED_SASL_PWDB: file("passwords"),
            ...plugins(launch.command),
          };
          if (launch.container !== undefined) {
            const [command = "run", ...rest] = launch.args;
            return {
              ...launch,
              args: [command, ...Object.entries(env).flatMap(([k, v]) => ["--env", `${k}=${v}`]), ...rest],
            };
          }
          if (existsSync(file("passwords")) && !existsSync(file("database"))) {
            makeDatabase(launch, readFileSync(file("passwords"), "utf8"), file("database"));
          }
          return { ...launch, env: { ...launch.env, ...env } };
        },
      };
    },
  };
}

/** SASL looks for its mechanisms where the system has them, also where others came with the program. */
function plugins(command: string): Record<string, string> {
  const folder = join(
    command,
    "../../lib",
    { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" }[process.arch as string] ?? "",
    "sasl2",
  );
  return existsSync(join(folder, "libplain.so.2")) ? { SASL_PATH: folder } : {};
}

/** By the program that comes with SASL, from where memcached came from. */
function makeDatabase(launch: Launch, passwords: string, database: string): void {
  const program = join(launch.command, "../../sbin/saslpasswd2");
  if (!existsSync(program)) throw new Unavailable(`no ${program} to make a user for SASL`);
  const [, username = "", password = ""] = /^([^:]*):(.*)\n$/.exec(passwords) ?? [];
  const args = ["-p", "-a", "memcached", "-c", "-f", database, username];
  const { status, stderr } = spawnSync(program, args, { input: password, env: { ...process.env, ...launch.env } });
  if (status !== 0) throw new Error(`saslpasswd2 failed: ${stderr}`);
}
