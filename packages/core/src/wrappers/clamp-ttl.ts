/** Bounds on the times to live that records are stored with. */
import { chain, type StoredRecord } from "../driver/driver.ts";
import { defineLayer, forward, type Layer } from "../driver/layer.ts";
import { InvalidArgumentError } from "../errors.ts";
import type { Duration } from "../record.ts";
import { checkOptions, ttlOf } from "./options.ts";

export interface ClampTtlOptions {
  /** A shorter time to live is made this long. */
  readonly min?: Duration | undefined;
  /** A longer time to live, and that of a record that would never expire, is cut to this. */
  readonly max?: Duration | undefined;
  /** What a record gets that is given no time to live, within the bounds. Default: it never expires, unless there is a `max`. */
  readonly missing?: Duration | undefined;
}

/**
 * Brings the time to live of each record that is written between bounds, whatever writes it: `put` as well as `touch`,
 * `update` or `increment`. An expiry that a write keeps (`increment`, `update` with `keepTtl`) is not lengthened, else a
 * record that is written often enough would never expire. Reads are as they were.
 * @throws InvalidArgumentError
 */
export function clampTtl(options: ClampTtlOptions): Layer {
  checkOptions(options, "clampTtl");
  const [min, max, missing] = (["min", "max", "missing"] as const).map((name) => {
    const given = options[name];
    return given === undefined ? undefined : ttlOf(given, name);
  });
  if (min === undefined && max === undefined && missing === undefined) {
    throw new InvalidArgumentError("clampTtl needs a min, a max or a missing");
  }
  const [shortest, longest] = [min ?? 0, max ?? Number.POSITIVE_INFINITY];
  if (shortest > longest) throw new InvalidArgumentError("min must not be above max");

  /** The same record where its expiry is within the bounds. */
  function clamp(record: StoredRecord): StoredRecord {
    const now = Date.now();
    const wanted = record.expiresAt ?? now + (missing ?? Number.POSITIVE_INFINITY);
    // A lease of `getOrSet` must not outlive its call, lest nobody takes it over from a process that has died.
    const least = record.beside ? 0 : now + shortest;
    const expiresAt = Math.min(Math.max(wanted, least), now + longest);
    if (expiresAt === Number.POSITIVE_INFINITY || expiresAt === record.expiresAt) return record;
    return { ...record, expiresAt };
  }

  return defineLayer("clampTtl", (inner) => {
    const { putMany, swap } = forward(inner, {});
    return forward(inner, {
      put: (id, record, call) => inner.put(id, clamp(record), call),
      putMany:
        putMany &&
        ((requests, call) =>
          putMany(
            requests.map(({ id, record }) => ({ id, record: clamp(record) })),
            call,
          )),
      swap:
        swap &&
        ((id, expected, next, call) => {
          const clamped = next && clamp(next);
          const given = next?.expiresAt;
          const lengthened = given !== undefined && clamped?.expiresAt !== undefined && clamped.expiresAt > given;
          if (!lengthened || expected === "absent") return swap(id, expected, clamped, call);
          // It may be the one that the record has and is to keep, which only the record tells.
          return chain(inner.get(id, call), (current) =>
            swap(id, expected, current?.expiresAt === given ? next : clamped, call),
          );
        }),
    });
  });
}
