/** `defaultValue` as the suite can have it, for which a miss is `undefined`. */
import { chain } from "../driver/driver.ts";
import { defineLayer, forward, type Layer } from "../driver/layer.ts";
import { KeyValueError } from "../errors.ts";
import { defaultValue } from "../wrappers/index.ts";
import { ConformanceError } from "./assertions.ts";

const DEFAULT = "the default value of the conformance suite";

/** Innermost first: the wrapper, and what turns the default back where it must come, and lets it come nowhere else. */
export function defaultTurnedBack(): readonly Layer[] {
  return [defaultValue(DEFAULT), turnedBack()];
}

function turnedBack(): Layer {
  return defineLayer("turnedBack", (inner) => {
    const { getMany } = forward(inner, {});
    const check = <T extends { readonly value: unknown }>(record: T | undefined, operation: string): T | undefined => {
      const isDefault = record?.value === DEFAULT;
      if (operation !== "get" && operation !== "getMany") {
        if (isDefault) throw new ConformanceError(`${operation} came to see the default value`);
        return record;
      }
      if (record === undefined) throw new ConformanceError(`${operation} gave no default value`);
      return isDefault ? undefined : record;
    };
    return forward(inner, {
      get: (id, call) => chain(inner.get(id, call), (record) => check(record, call.operation)),
      getMany:
        getMany &&
        ((ids, call) =>
          chain(getMany(ids, call), (records) =>
            records.map((one) => (one instanceof KeyValueError ? one : check(one, call.operation))),
          )),
    });
  });
}
