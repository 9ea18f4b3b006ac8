/** Sees to it that a value's copy goes when anything but `getOrSet` changes its record. */
import { chunksOf, deleteMany } from "./batch.ts";
import { copyKey, isBeside } from "./beside.ts";
import {
  type Call,
  type Cursor,
  chain,
  type Driver,
  type MaybePromise,
  type RecordId,
  type Scope,
  type Settled,
} from "./driver/driver.ts";
import { forward } from "./driver/layer.ts";
import { KeyValueError } from "./errors.ts";

/** One step of clearing the copies, after the records themselves. */
interface CopiesCursor {
  readonly copies: Cursor | undefined;
}

/**
 * The record changes first, then its copy goes; `getOrSet` stores the copy first. So a copy that is there is never older
 * than the last change. A call whose copy could not be deleted fails, with the outcome that the deletion has.
 * @param collections those that have copies
 */
export function voidingCopies(inner: Driver, collections: ReadonlySet<string>): Driver {
  const { putMany, deleteMany: deleteAll, swap, take, clear } = forward(inner, {});

  function without<T>(id: RecordId, call: Call, answer: T): MaybePromise<T> {
    if (!collections.has(id.collection) || isBeside(id.key)) return answer;
    return chain(inner.delete(copyOf(id), call), () => answer);
  }

  async function withoutMany<T>(
    ids: readonly RecordId[],
    call: Call,
    answers: readonly Settled<T>[],
  ): Promise<readonly Settled<T>[]> {
    const changed = ids.filter(({ collection, key }) => collections.has(collection) && !isBeside(key));
    const failed = new Map<RecordId, KeyValueError>();
    for (const chunk of chunksOf(inner, "delete", changed)) {
      const deleted = await deleteMany(inner, chunk.map(copyOf), call);
      for (const [at, id] of chunk.entries()) {
        const answer = deleted[at];
        if (answer instanceof KeyValueError) failed.set(id, answer.copy("unknown"));
      }
    }
    return answers.map((answer, at) => failed.get(ids[at] as RecordId) ?? answer);
  }

  return forward(inner, {
    put: (id, record, call) => chain(inner.put(id, record, call), () => without(id, call, undefined)),
    delete: (id, call) => chain(inner.delete(id, call), (found) => without(id, call, found)),
    putMany:
      putMany &&
      ((requests, call) => {
        const ids = requests.map(({ id }) => id);
        return chain(putMany(requests, call), (answers) => withoutMany(ids, call, answers));
      }),
    deleteMany: deleteAll && ((ids, call) => chain(deleteAll(ids, call), (answers) => withoutMany(ids, call, answers))),
    swap:
      swap &&
      ((id, expected, next, call) =>
        chain(swap(id, expected, next, call), (result) => (result.swapped ? without(id, call, result) : result))),
    take: take && ((id, call) => chain(take(id, call), (record) => without(id, call, record))),
    clear:
      clear &&
      ((scope, cursor, call) => {
        const copies = copiesIn(scope);
        if (isCopiesCursor(cursor)) return chain(clear(copies ?? scope, cursor.copies, call), afterCopies);
        return chain(clear(scope, cursor, call), (next) => next ?? (copies && { copies: undefined }));
      }),
  });
}

const copyOf = ({ collection, key }: RecordId): RecordId => ({ collection, key: copyKey(key) });

/** Where the copies of what is cleared lie, unless they lie there as well. */
function copiesIn(scope: Scope): Scope | undefined {
  if (!("collection" in scope) || scope.keyPrefix === "") return undefined;
  return { collection: scope.collection, keyPrefix: copyKey(scope.keyPrefix) };
}

function isCopiesCursor(cursor: Cursor | undefined): cursor is CopiesCursor {
  return typeof cursor === "object" && "copies" in cursor;
}

function afterCopies(copies: Cursor | undefined): CopiesCursor | undefined {
  return copies === undefined ? undefined : { copies };
}
