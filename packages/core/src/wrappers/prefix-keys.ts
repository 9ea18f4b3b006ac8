/** A store in which all keys have a prefix: several programs share the collections of one backend. */
import { defineLayer, forward, type Layer, names } from "../driver/layer.ts";
import { namePrefix } from "../driver/names.ts";
import { checkName } from "../record.ts";
import { clearUnder, collectionsWithKeys, inEachCollection, withoutClear } from "./reach.ts";

/**
 * Keys are stored as `prefix__key`, as Python's `PrefixKeysWrapper` has it where that is unambiguous, else in an escaped
 * form: two prefixes never share a record. Enumerating and clearing reach only what lies under the prefix.
 *
 * A backend keeps records by collection. So `collections`, `clearAll` and `cull` look into each collection of the inner
 * store, with an exchange or more for each; `cull` leaves to the backend collections in which nothing lives. On a store
 * that cannot `enumerate`, `clear` is withdrawn at run time.
 * @throws InvalidNameError
 */
export function prefixKeys(prefix: string): Layer {
  checkName(prefix, "prefix");
  const stored = namePrefix(prefix, "__");
  return defineLayer("prefixKeys", (inner) => {
    const under = names(inner, {
      to: ({ collection, key }) => ({ collection, key: stored + key }),
      toScope: (scope) => ("collection" in scope ? { ...scope, keyPrefix: stored + scope.keyPrefix } : scope),
      fromCollection: (name) => name,
      fromKey: (key) => key.slice(stored.length),
    });
    const { list, clear, cull } = under;
    if (!list || !inner.collections) return withoutClear(under);
    return forward(under, {
      collections: (begin, cursor, call) => collectionsWithKeys(inner, list, begin, cursor, call),
      clear:
        clear &&
        ((scope, cursor, call) => {
          if ("collection" in scope) {
            if (scope.keyPrefix !== "") return clear(scope, cursor, call);
            return clearUnder(inner, { collection: scope.collection, keyPrefix: stored }, cursor, call);
          }
          return inEachCollection(inner, scope.collectionPrefix, cursor, call, (collection, within) =>
            clearUnder(inner, { collection, keyPrefix: stored }, within, call),
          );
        }),
      cull:
        cull &&
        ((scope, cursor, call) =>
          "collection" in scope
            ? cull(scope, cursor, call)
            : inEachCollection(inner, scope.collectionPrefix, cursor, call, (collection, within) =>
                cull({ collection, keyPrefix: "" }, within, call),
              )),
    });
  });
}
