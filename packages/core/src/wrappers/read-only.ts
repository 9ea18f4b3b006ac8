/** A store that cannot be written through. */
import { defineLayer, forward, type Layer } from "../driver/layer.ts";
import { UnsupportedOperationError } from "../errors.ts";

/**
 * Withdraws all that changes records: such operations do not compile, and reject with `UnsupportedOperationError` before
 * anything is sent, also those of layers around this one.
 */
export function readOnly(): Layer<never, "write" | "atomic" | "clear"> {
  return defineLayer(
    "readOnly",
    (inner) =>
      forward(inner, {
        put: refuse,
        delete: refuse,
        putMany: undefined,
        deleteMany: undefined,
        swap: undefined,
        take: undefined,
        clear: undefined,
        cull: undefined,
      }),
    { withdraws: ["write", "atomic", "clear"] },
  );
}

function refuse(): never {
  throw new UnsupportedOperationError("the store is read-only", { outcome: "not-applied" });
}
