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
export function whyMissed(_backend: BackendName, _one: Case): string | undefined {
  return undefined;
}

/** Why a curve of growth bends. */
export function whyBent(_backend: GrowthBackend, _operation: Bend["operation"]): string {
  return "not explained yet";
}
