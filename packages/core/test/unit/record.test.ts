// Names and times: what is accepted, and to which moment it comes.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidArgumentError, InvalidNameError, InvalidTtlError } from "../../src/errors.ts";
import { checkName, type Expiry, expiryOf, timeoutOf } from "../../src/record.ts";

const NOW = 1_700_000_000_123;
const LAST = Date.parse("9999-12-31T23:59:59.999Z");

/** As a program in JavaScript may give it, whatever the types say. */
function expiry(given: unknown): number | undefined {
  return expiryOf(given as Expiry, NOW);
}

describe("times to live", () => {
  it.each<[unknown, number]>([
    [1, 1000],
    [0.25, 250],
    [0.1 + 0.2, 300],
    [1.0005, 1001],
    [0.0001, 1],
    [1e-9, 1],
    [Number.MIN_VALUE, 1],
    ["1ms", 1],
    ["0.2ms", 1],
    ["500ms", 500],
    ["1.5s", 1500],
    ["15m", 900_000],
    ["2h", 7_200_000],
    ["30d", 2_592_000_000],
    ["1w", 604_800_000],
    [86_400 * 365, 31_536_000_000],
  ])("takes %j for %d ms", (ttl, milliseconds) => {
    expect(expiry({ ttl })).toBe(NOW + milliseconds);
  });

  it.each<[unknown]>([
    [0],
    [-0],
    [-1],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [1e300],
    [null],
    [true],
    [""],
    ["0s"],
    ["-1s"],
    ["1"],
    ["60"],
    ["1 s"],
    [" 1s"],
    ["1s\n"],
    ["1S"],
    ["1e3s"],
    [".5s"],
    ["1y"],
    [`${"9".repeat(400)}s`],
    [1n],
    [new Date()],
    [{}],
    [[1]],
  ])("refuses the TTL %s", (ttl) => {
    expect(() => expiry({ ttl })).toThrow(InvalidTtlError);
  });

  it("never ends a record early, and at most a millisecond late", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (seconds) => {
        const milliseconds = (expiry({ ttl: seconds }) ?? Number.NaN) - NOW;
        // A microsecond of tolerance: 0.3 s is 300 ms, although 0.1 + 0.2 is more.
        expect(milliseconds).toBeGreaterThanOrEqual(seconds * 1000 - 0.001);
        expect(milliseconds).toBeLessThan(seconds * 1000 + 1.001);
        expect(Number.isInteger(milliseconds)).toBe(true);
      }),
    );
  });

  it("takes a moment as a Date or in milliseconds, a fraction counted up", () => {
    expect(expiry({ expiresAt: NOW + 1 })).toBe(NOW + 1);
    expect(expiry({ expiresAt: new Date(NOW + 5000) })).toBe(NOW + 5000);
    expect(expiry({ expiresAt: NOW + 0.5 })).toBe(NOW + 1);
    expect(expiry({ expiresAt: LAST })).toBe(LAST);
    expect(expiry({ ttl: (LAST - NOW) / 1000 })).toBe(LAST);
  });

  it.each<[string, unknown]>([
    ["now", NOW],
    ["the past", 0],
    ["an invalid Date", new Date(Number.NaN)],
    ["NaN", Number.NaN],
    ["Infinity", Number.POSITIVE_INFINITY],
    ["null", null],
    ["a string", "2030-01-01T00:00:00Z"],
    ["the year 10000", LAST + 1],
  ])("refuses the moment %s", (_, expiresAt) => {
    expect(() => expiry({ expiresAt })).toThrow(InvalidTtlError);
  });

  it("refuses a TTL that ends after the year 9999, and both at once", () => {
    expect(() => expiry({ ttl: (LAST - NOW + 1) / 1000 })).toThrow("before the year 10000");
    expect(() => expiry({ ttl: 1, expiresAt: NOW + 1000 })).toThrow("not both");
  });

  it("is never without either", () => {
    for (const none of [undefined, {}, { ttl: undefined }, { ttl: undefined, expiresAt: undefined }]) {
      expect(expiry(none)).toBeUndefined();
    }
  });

  it("quotes short options only", () => {
    expect(() => expiry({ ttl: "1 hour" })).toThrow('not "1 hour"');
    const long = "x".repeat(21);
    expect(() => expiry({ ttl: long })).toThrow(/not this string$/);
  });
});

describe("timeouts", () => {
  it("are milliseconds or durations, up to what a timer can hold", () => {
    expect(timeoutOf(1500)).toBe(1500);
    expect(timeoutOf("1.5s")).toBe(1500);
    expect(timeoutOf(2 ** 31 - 1)).toBe(2 ** 31 - 1);
  });

  it.each<[unknown]>([
    [0],
    [-1],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [2 ** 31],
    ["25d"],
    ["1"],
    [null],
    [{}],
    [1n],
  ])("refuse %s", (timeout) => {
    expect(() => timeoutOf(timeout)).toThrow(InvalidArgumentError);
  });
});

describe("names", () => {
  it("are any non-empty well-formed strings", () => {
    for (const name of ["a", " ", "\0", "::", "/../", "*?[", "😀", "x".repeat(10_000), "__proto__"])
      checkName(name, "key");
  });

  it.each<[string, unknown]>([
    ["empty", ""],
    ["a number", 1],
    ["undefined", undefined],
    ["null", null],
    ["an object", {}],
    ["a lone high surrogate", "a\ud83d"],
    ["a lone low surrogate", "\ude00a"],
  ])("are refused: %s", (_, name) => {
    expect(() => checkName(name, "collection")).toThrow(InvalidNameError);
  });

  it("are never quoted in a message", () => {
    expect(() => checkName("secret\ud800", "key")).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("secret") }),
    );
  });
});
