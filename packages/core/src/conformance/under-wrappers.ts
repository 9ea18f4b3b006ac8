/** A store plain and wrapped: whoever writes a store finds out at once that the wrappers work on it, and the other way round. */
import type { KeyValueStore } from "../store.ts";
import { encryption, prefixCollections, retry } from "../wrappers/index.ts";
import type { Target } from "./property.ts";
import { underAround } from "./under-around.ts";

/** Any 32 bytes do. */
const keys = [{ id: "conformance", key: new Uint8Array(32).fill(7) }];

export const wrappings: { readonly [name: string]: (store: KeyValueStore<never>) => KeyValueStore<never> } = {
  encryption: (store) => store.with(encryption({ keys })),
  prefixCollections: (store) => store.with(prefixCollections("a__b::")),
  retry: (store) => store.with(retry()),
  "all wrappers": (store) => store.with(encryption({ keys })).with(prefixCollections("a__b::")).with(retry()),
  "all around": underAround,
};

/** The target as it is, then under each wrapper, then under all of them. */
export function underWrappers(target: Target): Target[] {
  const wrapped = Object.entries(wrappings).map(([name, wrap]): Target => {
    const { through } = target;
    return {
      ...target,
      name: `${target.name} under ${name}`,
      open: async (options) => wrap(await target.open(options)),
      ...(through && { through: async (address, options) => wrap(await through.call(target, address, options)) }),
    };
  });
  return [target, ...wrapped];
}
