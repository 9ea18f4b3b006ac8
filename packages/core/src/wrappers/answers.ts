/** What an answer says of the records that were asked for: for the wrappers that count, log and trace. */
import type { Capabilities } from "../capabilities.ts";
import { isLive, type StoredRecord } from "../driver/driver.ts";
import type { Subject } from "../driver/layer.ts";
import { type ErrorCode, KeyValueError } from "../errors.ts";

/** How many records there were and were not; of operations that look for none, 0. */
export interface Found {
  hits: number;
  misses: number;
}

/** The collection that the exchange is about, where it is one. */
export function collectionOf({ id, ids, scope }: Subject): string | undefined {
  if (id !== undefined) return id.collection;
  if (ids !== undefined) return ids[0]?.collection;
  return scope && "collection" in scope ? scope.collection : undefined;
}

/** Of an answer to a read, a take or a deletion; what failed alone in a batch is neither. */
export function foundIn({ operation }: Subject, answer: unknown, { nativeExpiry }: Capabilities): Found {
  const found = { hits: 0, misses: 0 };
  const count = (one: unknown): void => {
    if (one instanceof KeyValueError) return;
    const record = one as StoredRecord | boolean | undefined;
    const hit = typeof record === "object" ? nativeExpiry === true || isLive(record) : record === true;
    if (hit) found.hits++;
    else found.misses++;
  };
  switch (operation) {
    case "get":
    case "take":
    case "delete":
      count(answer);
      break;
    case "getMany":
    case "deleteMany":
      for (const one of answer as readonly unknown[]) count(one);
      break;
  }
  return found;
}

/** The codes of the records of a batch that failed alone, each as often as it occurs. */
export function failuresIn(answer: unknown): readonly ErrorCode[] {
  if (!Array.isArray(answer)) return [];
  return answer.flatMap((one) => (one instanceof KeyValueError ? [one.code] : []));
}
