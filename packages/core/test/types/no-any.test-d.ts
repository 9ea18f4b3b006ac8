// No public type is `any`, whatever a user asks of it: returns, parameters, members, awaited, iterated.

import type * as Core from "@kv/core";
import type * as Conformance from "@kv/core/conformance";
import type * as DriverApi from "@kv/core/driver";
import type * as Wrappers from "@kv/core/wrappers";
import type { completeStore } from "../../examples/complete-driver.ts";

type IsAny<T> = 0 extends 1 & T ? true : false;

/** The paths in `T` at which there is an `any`, four levels deep; `never` where there is none. */
type AnyIn<T, Path extends string, Depth extends readonly 0[] = [0, 0, 0, 0]> =
  IsAny<T> extends true
    ? Path
    : Depth extends readonly [0, ...infer Rest extends readonly 0[]]
      ? T extends (...args: infer A) => infer R
        ? AnyIn<R, `${Path}()`, Rest> | (A extends readonly unknown[] ? AnyInItems<A, `${Path}(…)`, Rest> : never)
        : T extends abstract new (
              ...args: infer A
            ) => infer R
          ? AnyIn<R, `new ${Path}`, Rest> | AnyInItems<A, `new ${Path}(…)`, Rest>
          : T extends PromiseLike<infer V>
            ? AnyIn<V, `await ${Path}`, Rest>
            : T extends AsyncIterable<infer V>
              ? AnyIn<V, `each of ${Path}`, Rest>
              : T extends Iterable<infer V>
                ? AnyIn<V, `${Path}[]`, Rest>
                : T extends Known
                  ? never
                  : T extends object
                    ? { [K in keyof T & string]-?: AnyIn<T[K], `${Path}.${K}`, Rest> }[keyof T & string]
                    : never
      : never;
type AnyInItems<A extends readonly unknown[], Path extends string, Depth extends readonly 0[]> = {
  [K in keyof A]-?: AnyIn<A[K], Path, Depth>;
}[number];

/** Types of the platform, some of which have an `any` of their own. */
type Known = AbortSignal | Date | Uint8Array | string;

type Exports<M, Name extends string> = { [K in keyof M & string]-?: AnyIn<M[K], `${Name} ${K}`> }[keyof M & string];

function none<_T extends never>(): void {}

none<Exports<typeof Core, "core">>();
none<Exports<typeof DriverApi, "driver">>();
none<Exports<typeof Wrappers, "wrappers">>();
none<Exports<typeof Conformance, "conformance">>();
none<AnyIn<DriverApi.Driver, "Driver">>();
none<AnyIn<Core.KeyValueStore<Core.Capability>, "store">>();
none<AnyIn<Core.Collection<Core.Capability>, "collection">>();
none<AnyIn<Core.Collection<Core.Capability, { readonly name: string }, { readonly name: string }>, "typed">>();
none<AnyIn<Core.KeyValueError, "error">>();
none<AnyIn<Core.BatchError, "batch error">>();
none<AnyIn<ReturnType<typeof completeStore>, "a store's own">>();

// The check itself finds an `any` where there is one.
type Any = ReturnType<typeof JSON.parse>;
// @ts-expect-error
none<AnyIn<{ get(): Promise<Any> }, "x">>();
// @ts-expect-error
none<AnyIn<(options: { each: Any }) => void, "x">>();
// @ts-expect-error
none<AnyIn<{ pages(): AsyncIterable<{ item: Any }> }, "x">>();
