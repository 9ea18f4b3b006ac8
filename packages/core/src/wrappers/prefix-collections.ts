/** A store in which all collections have a prefix, so that several programs share one backend. */
import type { Call, Cursor, Driver } from "../driver/driver.ts";
import { defineLayer, forward, type Layer, names } from "../driver/layer.ts";
import { namePrefix } from "../driver/names.ts";
import { checkName } from "../record.ts";
import { inEachCollection } from "./reach.ts";

/**
 * Collections are stored as `prefix__name`, as Python's `PrefixCollectionsWrapper` has it where that is unambiguous,
 * else in an escaped form: two prefixes never share a collection. Enumerating and clearing reach only what lies under
 * the prefix. `clearAll` looks first whether another program has a collection that is the prefix alone.
 * @throws InvalidNameError
 */
export function prefixCollections(prefix: string): Layer {
  checkName(prefix, "prefix");
  const stored = namePrefix(prefix, "__");
  return defineLayer("prefixCollections", (inner) => {
    const under = names(inner, {
      to: ({ collection, key }) => ({ collection: stored + collection, key }),
      toScope: (scope) =>
        "collection" in scope
          ? { ...scope, collection: stored + scope.collection }
          : { collectionPrefix: stored + scope.collectionPrefix },
      fromCollection: (name) => name.slice(stored.length),
      fromKey: (key) => key,
    });
    const { clear } = under;
    const { list, collections } = forward(inner, {});
    // Who cannot look cannot tell: then a collection of another program that is the prefix alone is cleared as well.
    if (!clear || !list || !collections) return under;
    return forward(under, {
      clear: (scope, cursor, call) =>
        "collection" in scope || scope.collectionPrefix !== ""
          ? clear(scope, cursor, call)
          : clearAllUnder(inner, stored, list, cursor, call, clear),
    });
  });
}

/** A sweep looks first whether there is a collection that is the prefix alone, which is none of ours. */
interface Sweep {
  readonly stage: "look" | "whole" | "each";
  readonly within: Cursor | undefined;
}

async function clearAllUnder(
  inner: Driver,
  stored: string,
  list: NonNullable<Driver["list"]>,
  cursor: Cursor | undefined,
  call: Call,
  clear: NonNullable<Driver["clear"]>,
): Promise<Sweep | undefined> {
  const { stage, within } = (cursor as Sweep | undefined) ?? { stage: "look", within: undefined };
  if (stage === "look") {
    const { items, next } = await list({ collection: stored, keyPrefix: "" }, { values: false, cursor: within }, call);
    if (items.length > 0) return { stage: "each", within: undefined };
    return next === undefined ? { stage: "whole", within: undefined } : { stage, within: next };
  }
  const next =
    stage === "whole"
      ? await clear({ collectionPrefix: "" }, within, call)
      : await inEachCollection(inner, stored, within, call, (name, place) =>
          name === stored ? undefined : clear({ collection: name.slice(stored.length), keyPrefix: "" }, place, call),
        );
  return next === undefined ? undefined : { stage, within: next };
}
