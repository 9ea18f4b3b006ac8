/** A value for what is not there. */
import { liveOrNone } from "../atomics.ts";
import { getMany as batched } from "../batch.ts";
import { type Call, chain, type StoredRecord } from "../driver/driver.ts";
import { defineLayer, forward, type Layer } from "../driver/layer.ts";
import { InvalidArgumentError, InvalidValueError, KeyValueError } from "../errors.ts";
import { cloneJson, copyJson, type Jsonable, type JsonValue } from "../json.ts";
import { newRevision } from "../revision.ts";

/** The user's operations that give a value and nothing else. */
const ANSWERED: ReadonlySet<string> = new Set(["get", "getMany"]);

/**
 * `get` and `getMany` give a copy of `value` where there is no record. It is never stored, and no other operation knows
 * of it: `has`, `getEntry`, `keys` and the atomic operations tell and change what is there. So `update` is handed
 * `undefined` at first, `increment` begins at 0, `putIfAbsent` stores. A collection's schema is applied to it.
 *
 * To be put on after `encryption` and `compression`, that is outside of them.
 * @throws InvalidArgumentError
 */
export function defaultValue<const V>(value: V & Jsonable<V>): Layer {
  const copy = checkedCopy(value);

  return defineLayer("defaultValue", (inner) => {
    /** Decided here, not once more by the store, which a moment later might find expired what lived. */
    const orDefault = (record: StoredRecord | undefined, call: Call): StoredRecord | undefined => {
      const live = liveOrNone(inner, record);
      if (live !== undefined || !ANSWERED.has(call.operation)) return live;
      return { value: cloneJson(copy), createdAt: undefined, expiresAt: undefined, revision: newRevision() };
    };
    return forward(inner, {
      capabilities: Object.freeze({ ...inner.capabilities, nativeExpiry: true }),
      get: (id, call) => chain(inner.get(id, call), (record) => orDefault(record, call)),
      getMany: (ids, call) =>
        chain(batched(inner, ids, call), (records) =>
          records.map((one) => (one instanceof KeyValueError ? one : orDefault(one, call))),
        ),
    });
  });
}

function checkedCopy(value: unknown): JsonValue {
  try {
    return copyJson(value);
  } catch (error) {
    throw error instanceof InvalidValueError ? new InvalidArgumentError(`the default value: ${error.message}`) : error;
  }
}
