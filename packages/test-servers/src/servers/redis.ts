// Redis 6.2 and up, and what it shares with its kin.

import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { apt } from "../apt.ts";
import { exchange } from "../resp.ts";
import type { Plan, Recipe, StartOptions } from "../server.ts";
import { docker, onPath } from "../source.ts";
import { type Certificate, makeCertificate } from "../tls.ts";

export interface RedisOptions extends StartOptions {
  /** Of the user `default`; it is in `url`. */
  readonly password?: string;
  /** Lines of an ACL file, such as `user app on >s3cret ~app:* +@all -@dangerous`. */
  readonly acl?: readonly string[];
  /** TLS only: `url` is `rediss://`, and `ca` is what to trust. */
  readonly tls?: boolean;
  /** Such as `"10mb"`. The policy is Redis' own default, `noeviction`. */
  readonly maxmemory?: string;
  /** Each write is in a file before it is answered, so that `kill` and `restart` lose nothing. */
  readonly appendonly?: boolean;
  /** The URL of another server; ready once in step with it. Not for TLS, nor for Docker outside Linux. */
  readonly replicaOf?: string;
}

export const redis: Recipe<RedisOptions> = {
  name: "redis",
  variable: "KV_TEST_REDIS_URL",
  port: 6379,
  sources: [
    onPath("redis-server"),
    apt("redis-server", "usr/bin/redis-server"),
    docker("redis:7-alpine", "redis-server"),
  ],
  prepare: redisLike("redis"),
};

/** How a server is prepared that takes Redis' settings. Its URLs begin with `scheme:`, or with `schemes:` for TLS. */
export function redisLike(scheme: "redis" | "valkey"): Recipe<RedisOptions>["prepare"] {
  return async ({ folder, host }, options): Promise<Plan> => {
    // A user that nobody else has: who lets it in is the server that we started, and no other on the same port.
    const probe = { user: `probe-${randomUUID()}`, password: randomUUID() };
    const aclFile = join(folder, "users.acl");
    const everybody = [`user ${probe.user} on >${probe.password} +ping +info`, ...users(options)];
    await writeFile(aclFile, `${everybody.join("\n")}\n`);
    const certificate = options.tls ? await makeCertificate(folder) : undefined;
    const settings = [
      ...["--bind", host, "--protected-mode", "no", "--dir", folder, "--aclfile", aclFile],
      ...["--save", "", "--appendonly", options.appendonly ? "yes" : "no", "--repl-diskless-sync-delay", "0"],
      ...(options.maxmemory ? ["--maxmemory", options.maxmemory] : []),
      ...(options.replicaOf ? replication(new URL(options.replicaOf)) : []),
      ...(options.args ?? []),
    ];
    const login = options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`;
    return {
      args: (port) => [...listening(port, certificate), ...settings],
      url: (port) => `${scheme}${certificate ? "s" : ""}://${login}127.0.0.1:${port}`,
      ca: certificate?.ca,
      async ready(port) {
        const ask = exchange({ port, ca: certificate?.ca }, [
          ["AUTH", probe.user, probe.password],
          ["PING"],
          ["INFO", "replication"],
        ]);
        const [login, ping, replication] = await ask.catch(() => []);
        const inStep = !options.replicaOf || String(replication).includes("master_link_status:up");
        return login === "OK" && ping === "PONG" && inStep;
      },
    };
  };
}

function listening(port: number, certificate: Certificate | undefined): string[] {
  if (certificate === undefined) return ["--port", `${port}`];
  const { caFile, certificateFile, keyFile } = certificate;
  const files = ["--tls-ca-cert-file", caFile, "--tls-cert-file", certificateFile, "--tls-key-file", keyFile];
  return ["--port", "0", "--tls-port", `${port}`, "--tls-auth-clients", "no", ...files];
}

function users({ password, acl = [] }: RedisOptions): readonly string[] {
  if (acl.some((line) => line.startsWith("user default "))) return acl;
  return [`user default on ${password === undefined ? "nopass" : `>${password}`} ~* &* +@all`, ...acl];
}

function replication(master: URL): string[] {
  const user = master.username ? ["--masteruser", decodeURIComponent(master.username)] : [];
  const password = master.password ? ["--masterauth", decodeURIComponent(master.password)] : [];
  return ["--replicaof", master.hostname, master.port, ...user, ...password];
}
