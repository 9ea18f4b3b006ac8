/** Why a figure on the page is what it is, where readers will ask. */
import type { Case } from "../cases.ts";
import type { BackendName, ContenderName } from "../contender.ts";
import type { GrowthBackend } from "../growth/growth.ts";
import type { Bend } from "../growth/report.ts";

const LIVE = "it keeps and hands out the live object, so that who changes what was read changes the store; kv copies";
const UNSYNCED = "its writes resolve before the disk has them; kv's wait for it";
const NODE_REDIS = "it runs over node-redis, which is faster than ioredis with many small calls at once";
const CALLBACKS = "LevelDB answers from its own memory, without waiting for the disk";

const ahead: { readonly [backend in BackendName]?: { readonly [name in ContenderName]?: string } } = {
  memory: { "cache-manager": LIVE, cacheable: LIVE },
  disk: {
    unstorage: UNSYNCED,
    bentocache: UNSYNCED,
    "classic-level": `${UNSYNCED}, ${CALLBACKS}`,
    "py-key-value": UNSYNCED,
  },
  redis: { keyv: NODE_REDIS, cacheable: NODE_REDIS, "cache-manager": NODE_REDIS },
};

export function whyAhead(backend: BackendName, name: ContenderName): string {
  return ahead[backend]?.[name] ?? "not explained yet";
}

/** What it would take to meet a target; `undefined` where nothing is known. */
export function whyMissed(backend: BackendName, { operation, size }: Case): string | undefined {
  const redisLike = backend === "redis" || backend === "valkey";
  if (redisLike && size === "100 B" && operation === "getMany(100)") return ENVELOPE;
  if (redisLike && size === "100 B" && operation === "putMany(100)") return ENVELOPE_PUT;
  if (redisLike && size === "10 KB" && operation === "putMany(100)") return COPY;
  return undefined;
}

const ENVELOPE =
  "A record of 100 B lies in an envelope of 250 B, which Python reads as well: its names, its time of creation, its revision. To receive and parse that, to hand out each value by itself, and the EXISTS beside the MGET, by which a value of another type is told from none, allocate three times as much as the raw driver does. It would take another stored format";
const ENVELOPE_PUT =
  "What is sent is two and a half times as long, and each value is checked and copied before, so that it can be changed at once. It would take another stored format";
const COPY =
  "Each value is copied before it is sent, since a batch goes in several parts, between which the caller may change it";

/** Why a curve of growth bends. */
export function whyBent(backend: GrowthBackend, operation: Bend["operation"]): string {
  switch (backend) {
    case "memory":
      if (operation === "callers")
        return "one thread serves them all; what waits for its turn must be kept and collected";
      if (operation === "get" || operation === "put")
        return "keys and values no longer fit into the processor's caches";
      return "keys and values no longer fit into the processor's caches, and collecting the garbage takes its share";
    case "disk":
      if (operation === "put")
        return "each put waits for the disk, whose speed varies more than the tree's depth matters";
      if (operation === "callers") return "reads are answered at once, so that more callers only wait for each other";
      return "the tree is deeper and its pages no longer fit into the processor's caches";
    case "redis":
      if (operation === "callers") return "the server and the client are busy; more callers only wait for each other";
      if (operation === "get" || operation === "put")
        return "the scheduler's turns between client and server are most of the time";
      return "a reply to SCAN holds as many names as COUNT says, which small collections do not fill";
  }
}
