/** What lies in a backend under a name, also under those names that no key of the user's is stored as. */
import type { KeyValueStore } from "../../src/index.ts";
import type { JsonValue } from "../../src/json.ts";
import { newRevision } from "../../src/revision.ts";
import { uncancelled } from "./uncancelled.ts";

const call = uncancelled("test");

export function rawRecords({ driver }: KeyValueStore<never>, collection = "default_collection") {
  const find = async (key: string) => {
    const record = await driver.get({ collection, key }, call);
    return record && (record.expiresAt ?? Number.POSITIVE_INFINITY) > Date.now() ? record : undefined;
  };
  return {
    find,
    has: async (key: string) => (await find(key)) !== undefined,
    /** @param ttl milliseconds */
    async put(key: string, value: JsonValue, ttl?: number): Promise<void> {
      const now = Date.now();
      const expiresAt = ttl === undefined ? undefined : now + ttl;
      await driver.put({ collection, key }, { value, createdAt: now, expiresAt, revision: newRevision() }, call);
    },
  };
}
