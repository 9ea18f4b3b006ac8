/** The suite on stores that can do less: what they do not claim is refused, and the rest holds. */
import { type Capability, createStore } from "@kv/core";
import { conformance } from "@kv/core/conformance";
import { defineLayer } from "@kv/core/driver";
import { describe, expect, it } from "vitest";
import { SpareDriver } from "../../src/conformance/spare-driver.ts";
import { MapDriver } from "../support/map-driver.ts";

await conformance({ name: "least", open: (options) => createStore(new SpareDriver(), options) }).register({
  describe,
  it,
});

async function* nothing(): AsyncGenerator<never> {}

/** What answers to whatever it cannot do as if it were done. */
function silent<T extends object>(target: T): T {
  return new Proxy(target, {
    get(_, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        const answer: unknown = Reflect.apply(member, target, args);
        if (name === "collection" && typeof answer === "object" && answer !== null) return silent(answer);
        if (answer instanceof Promise) return answer.catch(() => undefined);
        const enumerates = typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer;
        return enumerates ? nothing() : answer;
      };
    },
  });
}

it.each(["write", "atomic", "enumerate", "clear"] satisfies Capability[])(
  "a store without %s refuses, and its other capabilities stay",
  async (capability) => {
    const layer = defineLayer("withdrawing", (inner) => inner, { withdraws: [capability] });
    const suite = conformance({ name: "map", open: (options) => createStore(new MapDriver(), options).with(layer) });
    const { results } = await suite.run({ only: ({ chapter }) => chapter === "capabilities" });
    expect(results.map(({ property }) => property.id)).toContain(`capabilities/without-${capability}`);
    expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
  },
);

it.each(["write", "atomic", "enumerate", "clear"] satisfies Capability[])(
  "a store without %s that does nothing instead of refusing is found out",
  async (capability) => {
    const suite = conformance({
      name: "silent",
      open(options) {
        const store = createStore(new MapDriver(), options).with(
          defineLayer("withdrawing", (inner) => inner, { withdraws: [capability] }),
        );
        return silent(store);
      },
    });
    const { results } = await suite.run({ only: ({ id }) => id === `capabilities/without-${capability}` });
    expect(results.map(({ error }) => error instanceof Error && error.name)).toEqual(["ConformanceError"]);
  },
);
