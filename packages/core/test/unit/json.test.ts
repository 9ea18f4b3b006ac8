// Values: the check and the copy against JSON itself, and the faults that both must name.

import { deepStrictEqual } from "node:assert/strict";
import { createContext, runInContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidValueError } from "../../src/errors.ts";
import { checkJson, cloneJson, copyJson, formatPath, type JsonValue, MAX_DEPTH } from "../../src/json.ts";

/** Names and texts that tend to be mishandled, among any others. */
const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("__proto__", "constructor", "toJSON", "length", "0", "", "\0", "\u2028", "é", "e\u0301", "😀"),
);
const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 5e-324, Number.MAX_VALUE, 2 ** 53 + 2),
  text,
);

/** An object with these own properties, `__proto__` among them as any other. */
function objectOf(
  entries: readonly (readonly [string, unknown])[],
  prototype: object | null = Object.prototype,
): object {
  const object: object = Object.create(prototype);
  for (const [name, value] of entries) {
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return object;
}

const { value: json } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.array(tie("value"), { maxLength: 5 }),
    fc
      .tuple(
        fc.array(fc.tuple(text, fc.oneof({ weight: 5, arbitrary: tie("value") }, fc.constant(undefined))), {
          maxLength: 5,
        }),
        fc.constantFrom(Object.prototype, null),
      )
      .map(([entries, prototype]) => objectOf(entries, prototype)),
  ),
}));

const notJson = fc.oneof(
  fc.constantFrom<unknown>(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1n, Symbol("s"), "\ud800"),
  fc.constantFrom<unknown>(new Date(0), new Map(), new Set(), /a/, new Uint8Array(1), () => 1, new Error("e")),
  fc.constant(Promise.resolve(1)),
);

function roundTrip(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function faultOf(value: unknown): InvalidValueError {
  const [checked, copied] = [(): void => checkJson(value), (): unknown => copyJson(value)].map((refuses) => {
    try {
      refuses();
    } catch (error) {
      return error;
    }
    return undefined;
  });
  expect(checked).toBeInstanceOf(InvalidValueError);
  expect(copied).toEqual(checked);
  return checked as InvalidValueError;
}

describe("JSON values", () => {
  it("accepts what JSON can hold", () => {
    fc.assert(fc.property(json, (value) => void checkJson(value)));
  });

  it("copies as JSON does: no undefined property, no -0, every own name", () => {
    fc.assert(
      fc.property(json, (value) => {
        const copy = copyJson(value);
        expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
        deepStrictEqual(copy, roundTrip(value));
      }),
    );
  });

  it("clones what JSON.parse gives", () => {
    fc.assert(
      fc.property(json, (value) => {
        const parsed = roundTrip(value) as JsonValue;
        const clone = cloneJson(parsed);
        deepStrictEqual(clone, parsed);
        expect(JSON.stringify(clone)).toBe(JSON.stringify(parsed));
      }),
    );
  });

  it("shares no object with what it copied", () => {
    fc.assert(
      fc.property(json, (value) => {
        const originals = new Set(objectsIn(value));
        const copy = copyJson(value);
        const clone = cloneJson(copy);
        expect(objectsIn(copy).some((one) => originals.has(one))).toBe(false);
        const copied = new Set(objectsIn(copy));
        expect(objectsIn(clone).some((one) => copied.has(one))).toBe(false);
      }),
    );
  });

  it("refuses one wrong part anywhere, and names its place", () => {
    const step = fc.oneof(
      fc.nat({ max: 3 }),
      text.filter((name) => name.isWellFormed()),
    );
    fc.assert(
      fc.property(notJson, fc.array(step, { maxLength: 6 }), (wrong, path) => {
        const value = path.reduceRight<unknown>((inner, part) => {
          if (typeof part === "string")
            return objectOf(
              [
                ["before", 1],
                [part, inner],
              ].filter(([name], at) => at === 1 || name !== part) as [string, unknown][],
            );
          return [...new Array<number>(part).fill(0), inner];
        }, wrong);
        expect(faultOf(value).path).toEqual(path);
      }),
    );
  });

  it.each<[string, unknown, string, (string | number)[]]>([
    ["undefined", undefined, "the value is undefined", []],
    ["a hole in an array", { a: new Array(1) }, "the value at a[0] is undefined", ["a", 0]],
    ["undefined in an array", [undefined], "the value at [0] is undefined", [0]],
    ["NaN", { user: { tags: [0, Number.NaN] } }, "the value at user.tags[1] is NaN", ["user", "tags", 1]],
    ["a bigint", { "odd name": 1n }, 'the value at ["odd name"] is a bigint', ["odd name"]],
    ["a Date", { at: new Date(0) }, "the value at at is an instance of Date", ["at"]],
    ["a function", [() => 1], "the value at [0] is a function", [0]],
    ["a symbol", Symbol("s"), "the value is a symbol", []],
    ["an instance", new (class User {})(), "the value is an instance of User", []],
    ["an anonymous instance", new (class {})(), "the value is an instance of an anonymous class", []],
    [
      "an array of a class of its own",
      { a: new (class List extends Array {})() },
      "the value at a is an instance of List",
      ["a"],
    ],
    ["a wrapped string", Object("text"), "the value is an instance of String", []],
    ["a lone surrogate", ["a\udc00"], "the value at [0] is a string with a lone surrogate", [0]],
    [
      "a lone surrogate in a name",
      { "\ud800": 1 },
      'the value at ["\\ud800"] is under a name with a lone surrogate',
      ["\ud800"],
    ],
  ])("refuses %s", (_, value, message, path) => {
    const error = faultOf(value);
    expect(error.message).toBe(`${message}, which JSON cannot hold`);
    expect(error.path).toEqual(path);
  });

  it("refuses cycles, and accepts an object that occurs twice", () => {
    const cycle: { [name: string]: unknown } = { list: [{}] };
    cycle.list = [0, { back: cycle }];
    expect(faultOf(cycle)).toMatchObject({ path: ["list", 1, "back"], message: expect.stringContaining("a cycle") });
    const shared = { a: 1 };
    expect(copyJson([shared, { shared }])).toEqual([{ a: 1 }, { shared: { a: 1 } }]);
  });

  it("accepts the deepest nesting, and refuses one level more", () => {
    const nested = (depth: number): unknown =>
      depth === 0 ? 1 : depth % 2 ? [nested(depth - 1)] : { a: nested(depth - 1) };
    expect(JSON.stringify(copyJson(nested(MAX_DEPTH)))).toBe(JSON.stringify(nested(MAX_DEPTH)));
    checkJson(nested(MAX_DEPTH));
    const error = faultOf(nested(MAX_DEPTH + 1));
    expect(error.path).toHaveLength(MAX_DEPTH);
    expect(error.message).toContain("nested deeper than 500");
  });

  it("takes objects and arrays of another realm for what they are", () => {
    const context = createContext({});
    const foreign: unknown = runInContext(`({ list: [1, { "a": null }], "__proto__x": Object.create(null) })`, context);
    checkJson(foreign);
    const copy = copyJson(foreign);
    expect(copy).toStrictEqual({ list: [1, { a: null }], __proto__x: {} });
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    for (const code of [
      "new Date(0)",
      "new Map()",
      "(class User {}), new (class User {})()",
      "new (class List extends Array {})()",
    ]) {
      faultOf(runInContext(code, context));
    }
  });

  it("keeps a __proto__ of its own a plain property", () => {
    const value = JSON.parse('{"__proto__": {"admin": true}, "a": 1}');
    for (const copy of [copyJson(value), cloneJson(value)] as { admin?: unknown }[]) {
      expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
      expect(copy.admin).toBeUndefined();
      expect(Object.keys(copy)).toEqual(["__proto__", "a"]);
    }
  });

  it("reads each property once for a copy, and refuses what changes meanwhile", () => {
    let reads = 0;
    const counting = {
      get value() {
        return ++reads;
      },
    };
    expect(copyJson(counting)).toEqual({ value: 1 });
    const changing = {
      get value() {
        return ++reads % 2 ? 1n : 1;
      },
    };
    reads = 0;
    expect(() => copyJson(changing)).toThrow("changed while it was read");
  });

  it("leaves out what JSON leaves out: symbols as names, hidden properties, an array's own names", () => {
    const value = { a: Object.assign([1], { extra: 1n }), [Symbol("s")]: 1n };
    Object.defineProperty(value, "hidden", { value: 1n, enumerable: false });
    checkJson(value);
    expect(cloneJson(copyJson(value))).toStrictEqual({ a: [1] });
    expect(JSON.stringify(copyJson(value))).toBe('{"a":[1]}');
  });

  it("does not count what a program has put on Object.prototype", () => {
    Object.defineProperty(Object.prototype, "polluted", {
      value: () => 1n,
      enumerable: true,
      configurable: true,
      writable: true,
    });
    try {
      checkJson({ a: 1 });
      expect(Object.keys(cloneJson(copyJson({ a: [{}] })) ?? {})).toEqual(["a"]);
    } finally {
      Reflect.deleteProperty(Object.prototype, "polluted");
    }
  });

  it("writes paths as a program would", () => {
    expect(formatPath(["user", "tags", 0, "odd name", "a1", "1a", ""])).toBe('user.tags[0]["odd name"].a1["1a"][""]');
    expect(formatPath([0, "a"])).toBe("[0].a");
    expect(formatPath([])).toBe("");
  });
});

function objectsIn(value: unknown): object[] {
  return typeof value === "object" && value !== null
    ? [value, ...Object.values(value).flatMap((part) => objectsIn(part))]
    : [];
}
