// Redis 6.2 and up, and what it shares with its kin.

import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { apt } from "../apt.ts";
import { exchange } from "../resp.ts";
import type { Plan, Recipe, StartOptions } from "../server.ts";
import { docker, onPath } from "../source.ts";
import { type Certificate, makeCertificate, type Pems, writePems } from "../tls.ts";

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
  /** The URL of another server; ready once in step with it. Not for Docker outside Linux. */
  readonly replicaOf?: string;
}

/** What one server of several is told beside that. */
export interface NodeOptions extends RedisOptions {
  /** The certificate that all of them share. */
  readonly pems?: Pems | undefined;
  /** One of a cluster. Another one takes over from a master that has not answered for two seconds. */
  readonly cluster?: boolean;
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
export function redisLike(scheme: "redis" | "valkey"): Recipe<NodeOptions>["prepare"] {
  return async ({ folder, host }, options): Promise<Plan> => {
    // A user that nobody else has: who lets it in is the server that we started, and no other on the same port.
    const probe = { user: `probe-${randomUUID()}`, password: randomUUID() };
    const aclFile = join(folder, "users.acl");
    const everybody = [`user ${probe.user} on >${probe.password} +ping +info`, ...users(options)];
    await writeFile(aclFile, `${everybody.join("\n")}\n`);
    const certificate = await certificateFor(folder, options);
    const settings = [
      ...["--bind", host, "--protected-mode", "no", "--dir", folder, "--aclfile", aclFile],
      ...["--save", "", "--appendonly", options.appendonly ? "yes" : "no", "--repl-diskless-sync-delay", "0"],
      // By default a write is answered before it is in the file where another one is being synced.
      ...(options.appendonly ? ["--appendfsync", "always"] : []),
      ...(options.maxmemory ? ["--maxmemory", options.maxmemory] : []),
      ...(options.replicaOf ? ["--replicaof", ...hostAndPort(options.replicaOf)] : []),
      ...following(options, certificate),
      ...(options.cluster ? CLUSTER : []),
      ...(options.args ?? []),
    ];
    const login = options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`;
    return {
      args: (port, second = 0) => [
        ...listening(port, certificate),
        ...(options.cluster ? ["--cluster-port", `${second}`] : []),
        ...settings,
      ],
      needsSecondPort: options.cluster === true,
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

const CLUSTER = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "2000"];

async function certificateFor(folder: string, { tls, pems }: NodeOptions): Promise<Certificate | undefined> {
  if (pems) return writePems(folder, pems);
  return tls ? makeCertificate(folder) : undefined;
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

function hostAndPort(url: string): string[] {
  const { hostname, port } = new URL(url);
  return [hostname, port];
}

/** How it connects where it follows another, now or after a failover: they have the same password. */
function following({ password, replicaOf, cluster }: NodeOptions, certificate: Certificate | undefined): string[] {
  const known = replicaOf === undefined ? password : decodeURIComponent(new URL(replicaOf).password);
  return [
    ...(known ? ["--masterauth", known] : []),
    ...(certificate ? ["--tls-replication", "yes"] : []),
    ...(certificate && cluster ? ["--tls-cluster", "yes"] : []),
  ];
}
