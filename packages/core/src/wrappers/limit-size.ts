/** Refuses values that are too large, or too small. */
import { defineLayer, forward, type Layer, values } from "../driver/layer.ts";
import { InvalidArgumentError, InvalidValueError, ValueTooLargeError } from "../errors.ts";
import { bytesOf } from "./options.ts";

export interface LimitSizeOptions {
  /** The least bytes of a value's JSON in UTF-8. A smaller value is an `InvalidValueError`. Default: no limit. */
  readonly min?: number | undefined;
  /** The most bytes of a value's JSON in UTF-8. A larger value is a `ValueTooLargeError`. Default: no limit. */
  readonly max?: number | undefined;
}

/**
 * Refuses values by the size of their JSON, before anything is sent; never drops one silently. Of a batch those that fit
 * are stored, and the others told of. What is stored already is read whatever its size, and is refused where it is
 * written again, by `touch` too. Outside of `compression` and `encryption` it sees the value as the caller gave it.
 * @throws InvalidArgumentError
 */
export function limitSize(options: LimitSizeOptions): Layer {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options ?? {};
  if (options?.min === undefined && options?.max === undefined) {
    throw new InvalidArgumentError("limitSize needs min, max or both");
  }
  const least = bytesOf(min, "min", 0);
  const most = bytesOf(max, "max", 0);
  if (least > most) throw new InvalidArgumentError("min must not be above max");

  return defineLayer("limitSize", (inner) => {
    const checked = values(inner, {
      encode(value) {
        const size = Buffer.byteLength(JSON.stringify(value));
        if (size > most) throw new ValueTooLargeError(size, most);
        if (size < least) throw new InvalidValueError(`the value's JSON has ${size} bytes, the least is ${least}`);
        return value;
      },
      decode: (stored) => stored,
    });
    // Nothing is decoded: reads need no detour, and a native take destroys nothing unseen.
    const { put, putMany, swap } = checked;
    const { swap: unchecked } = forward(inner, {});
    return forward(inner, {
      put: (id, record, call) => (record.beside ? inner.put(id, record, call) : put(id, record, call)),
      putMany,
      swap:
        unchecked &&
        swap &&
        ((id, expected, next, call) => (next?.beside ? unchecked : swap)(id, expected, next, call)),
    });
  });
}
