// Joined names: no two pairs meet, every name is split again, and the plain form is Python's.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinNames, namePrefix, splitName } from "../../src/driver/names.ts";

const hostile = fc.string({ unit: fc.constantFrom(":", "_", "%", "a", "2", "5", "3", "F", "A"), maxLength: 8 });
const first = fc.oneof(hostile, fc.string({ unit: "grapheme" })).filter((name) => name !== "");
const rest = fc.oneof(hostile, fc.string({ unit: "grapheme" }));
const separator = fc.constantFrom("::" as const, "__" as const);

describe.each(["::", "__"] as const)("names joined by %s", (separator) => {
  it("are split into what they were made of", () => {
    fc.assert(
      fc.property(first, rest, (a, b) => {
        expect(splitName(joinNames(a, b, separator), separator)).toEqual({ first: a, rest: b });
      }),
      { numRuns: 2000 },
    );
  });

  it("differ where the pairs differ", () => {
    // All pairs of short hostile names, not a sample of them.
    const names = wordsOf(["%", "5", separator.charAt(0), "a"], 4);
    const seen = new Map<string, string>();
    for (const a of names) {
      for (const b of ["", ...names.filter((name) => name.length < 4)]) {
        if (a === "") continue;
        const joined = joinNames(a, b, separator);
        const pair = JSON.stringify([a, b]);
        expect(seen.get(joined) ?? pair, joined).toBe(pair);
        seen.set(joined, pair);
      }
    }
  });

  it("are Python's exactly where Python itself could tell the parts", () => {
    fc.assert(
      fc.property(first, rest, (a, b) => {
        const python = a + separator + b;
        const clear = python.indexOf(separator) === a.length;
        const joined = joinNames(a, b, separator);
        expect(joined === python).toBe(clear);
        if (!clear) expect(joined.startsWith(separator)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it("begin with the prefix of their first part, which no other first part shares", () => {
    fc.assert(
      fc.property(first, first, rest, (a, other, b) => {
        expect(joinNames(a, b, separator).startsWith(namePrefix(a, separator))).toBe(true);
        fc.pre(a !== other);
        expect(joinNames(other, b, separator).startsWith(namePrefix(a, separator))).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});

it("finds no pair in a name that nobody joined", () => {
  for (const name of [
    "",
    "a",
    ":",
    "::",
    "::a",
    "a:b",
    "::a::b",
    "::%41::b",
    "::a%3::b",
    "::%3a::b",
    "::%zz::",
    ":::: ",
  ]) {
    expect(splitName(name, "::"), name).toBeUndefined();
  }
  fc.assert(
    fc.property(rest, separator, (name, by) => {
      const parts = splitName(name, by);
      if (parts) expect(joinNames(parts.first, parts.rest, by)).toBe(name);
    }),
    { numRuns: 2000 },
  );
});

it.each([
  ["users", "ada", "::", "users::ada"],
  ["users", "::", "::", "users::::"],
  ["a:", "b", "::", "::a%3A::b"],
  ["a::b", "c", "::", "::a%3A%3Ab::c"],
  [":", ":", "::", "::%3A:::"],
  ["50%", "x", "::", "50%::x"],
  ["50%:", "x", "::", "::50%25%3A::x"],
  ["app", "users", "__", "app__users"],
  ["app_", "users", "__", "__app%5F__users"],
] as const)("joins %j and %j by %j to %j", (a, b, by, joined) => {
  expect(joinNames(a, b, by)).toBe(joined);
});

function wordsOf(letters: readonly string[], longest: number): string[] {
  let words = [""];
  const all: string[] = [];
  for (let length = 0; length < longest; length++) {
    words = words.flatMap((word) => letters.map((letter) => word + letter));
    all.push(...words);
  }
  return all;
}
