/** A store in which all collections have a prefix, so that several programs share one backend. */
import { defineLayer, type Layer, names } from "../driver/layer.ts";
import { namePrefix } from "../driver/names.ts";
import { checkName } from "../record.ts";

/**
 * Collections are stored as `prefix__name`, as Python's `PrefixCollectionsWrapper` has it where that is unambiguous,
 * else in an escaped form: two prefixes never share a collection. Enumerating and clearing reach only what lies under
 * the prefix.
 * @throws InvalidNameError
 */
export function prefixCollections(prefix: string): Layer {
  checkName(prefix, "prefix");
  const stored = namePrefix(prefix, "__");
  return defineLayer("prefixCollections", (inner) =>
    names(inner, {
      to: ({ collection, key }) => ({ collection: stored + collection, key }),
      toScope: (scope) =>
        "collection" in scope
          ? { ...scope, collection: stored + scope.collection }
          : { collectionPrefix: stored + scope.collectionPrefix },
      fromCollection: (name) => name.slice(stored.length),
      fromKey: (key) => key,
    }),
  );
}
