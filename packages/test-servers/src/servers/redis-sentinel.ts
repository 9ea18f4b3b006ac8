// A master of Redis with replicas, and a sentinel that puts one in its place when it does not answer for a second.

import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exchange, type Reply } from "../resp.ts";
import type { CompositeRecipe, Composition, Plan, Recipe, StartOptions } from "../server.ts";
import { makePems, type Pems, writePems } from "../tls.ts";
import { type RedisOptions, redis, redisLike } from "./redis.ts";

export interface SentinelOptions extends Omit<RedisOptions, "replicaOf"> {
  /** Default: 1. `nodes` is the master, the replicas, the sentinel. */
  readonly replicas?: number;
  /** Of the sentinel's user `default`. */
  readonly sentinelPassword?: string;
}

/** What the sentinel calls the master. */
const NAME = "mymaster";

export const redisSentinel: CompositeRecipe<SentinelOptions> = {
  name: "redis-sentinel",
  variable: "KV_TEST_REDIS_SENTINEL_URL",
  port: 26_379,
  sources: redis.sources,
  async compose(start, { replicas = 1, sentinelPassword, ...options }): Promise<Composition> {
    const settings = { ...options, pems: options.tls ? await makePems() : undefined };
    const prepare = redisLike("redis");
    const master = await start({ name: "redis-master", prepare }, settings);
    const replica = { ...settings, replicaOf: master.url };
    const followers = await Promise.all(
      Array.from({ length: replicas }, () => start({ name: "redis-replica", prepare }, replica)),
    );
    const { password, pems } = settings;
    const watched: Watched = { password, sentinelPassword, port: master.port, pems, replicas };
    const sentinel = await start({ name: "sentinel", prepare: prepareSentinel }, watched);
    const login = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
    return {
      url: `redis${pems ? "s" : ""}+sentinel://${login}127.0.0.1:${sentinel.port}/${NAME}`,
      nodes: [master, ...followers, sentinel],
      ready: async () => true,
    };
  },
};

interface Watched extends StartOptions {
  readonly password: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly port: number;
  readonly pems: Pems | undefined;
  readonly replicas: number;
}

const prepareSentinel: Recipe<Watched>["prepare"] = async ({ folder, host }, options): Promise<Plan> => {
  const { password, sentinelPassword, pems } = options;
  const certificate = pems && (await writePems(folder, pems));
  // Which nobody else has: who has it is the sentinel that we started.
  const id = randomBytes(20).toString("hex");
  const file = join(folder, "sentinel.conf");
  const lines = [
    `bind ${host}`,
    "protected-mode no",
    `dir "${folder}"`,
    `sentinel myid ${id}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${options.port} 1`,
    `sentinel down-after-milliseconds ${NAME} 1000`,
    `sentinel failover-timeout ${NAME} 3000`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${NAME} "${password}"`]),
    ...(sentinelPassword === undefined ? [] : [`requirepass "${sentinelPassword}"`]),
    ...(certificate
      ? [
          "tls-replication yes",
          "tls-auth-clients no",
          `tls-ca-cert-file "${certificate.caFile}"`,
          `tls-cert-file "${certificate.certificateFile}"`,
          `tls-key-file "${certificate.keyFile}"`,
        ]
      : []),
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  const login = sentinelPassword === undefined ? [] : [["AUTH", sentinelPassword]];
  return {
    args: (port) => [
      file,
      "--sentinel",
      ...(certificate ? ["--port", "0", "--tls-port", `${port}`] : ["--port", `${port}`]),
    ],
    url: (port) => `redis${certificate ? "s" : ""}://127.0.0.1:${port}`,
    ca: certificate?.ca,
    async ready(port) {
      const questions = [...login, ["SENTINEL", "MYID"], ["SENTINEL", "REPLICAS", NAME]];
      const replies = await exchange({ port, ca: certificate?.ca }, questions).catch((): Reply[] => []);
      const [who, known] = replies.slice(login.length);
      return who === id && Array.isArray(known) && known.length >= options.replicas;
    },
  };
};
