/** Names and values that have broken other stores, and what is no value at all. */
import { createHash, randomBytes } from "node:crypto";

const LONG = "x".repeat(9999);

/** Lengths in bytes at which backends begin to refuse or to cut names, and their neighbours. */
const NAME_LENGTHS = [249, 250, 251, 255, 256, 511, 512, 513, 1024, 1977, 1978, 1979, 2048, 65_536];

/** Any two are different names, also where a backend would fold, trim, cut, decode, normalise or hash them. */
export const hostileNames: readonly string[] = distinct([
  // What separates the parts of joined names, in every position.
  ...[":", "::", ":::", "/", "//", "_", "__", "___", ".", "|", "-", "#", ",", "\0", "\x1f"].flatMap((s) => [
    s,
    `a${s}`,
    `${s}a`,
    `a${s}b`,
    `a${s}b${s}c`,
  ]),
  ...["a", "ab", "a b", " a", "a ", " ", "  ", "\t", "a\t", "\n", "a\nb", "\r\n", "a\r\nb", "\x7f", "\x1b[31m"],
  ...[
    "..",
    "../x",
    "./a",
    "/etc/passwd",
    "C:\\a",
    "~",
    "$",
    "$set",
    "a$b",
    "'",
    '"',
    "`",
    ";",
    "' OR 1=1 --",
    "<a>",
    "&",
  ],
  ...["%", "%%", "%25", "%2525", "%3A", "%3a", "%3A%3A", "a%3A%3Ab", "%5F%5F", "%00", "%C3%A9", "+", "%20", "\\u0061"],
  ...["*", "a*", "?", "a?", "[a]", "[^a]", "[", "]", "\\", "\\*", "\\\\", "{a,b}", "^a$", "(", "a{1}", "!", "@"],
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "length", "then"],
  ...["0", "00", "1", "1.0", "-1", "1e3", "NaN", "undefined", "null", "true", "[object Object]", "default_collection"],
  ...["A", "AB", "É", "ß", "ss", "SS", "ſ", "s", "S", "i", "I", "ı", "İ", "ﬁ", "fi"],
  // The same to the eye: composed and decomposed, compatibility forms, invisible characters.
  ...["é", "e\u0301", "Å", "A\u030a", "\u212b", "한", "\u1112\u1161\u11ab", "a\u200b", "\ufeff", "\ufeffa", "a\u00ad"],
  ...[
    "😀",
    "😁",
    "👍",
    "👍🏽",
    "👨‍👩‍👧",
    "\u{10ffff}",
    "\uffff",
    "\ue000",
    "עברית",
    "مرحبا",
    "\u202eabc",
    "日本語",
    "\u2028",
  ],
  ...[
    "[]",
    "{}",
    '{"a":1}',
    '["a","b"]',
    '"a"',
    "H_0123456789abcdef",
    "S_abc-01234567",
    "a-H_01234567",
    "a-S_01234567",
  ],
  // Where `getOrSet` keeps what is its own, and where it puts the user's keys that would meet that.
  ...["", "lease", "lease/", "lease/a", "copy/a", "key/a", "key/copy/a", "key/key/a", "other/a"].map(
    (name) => `@kv/get-or-set/${name}`,
  ),
  ...NAME_LENGTHS.map((length) => "x".repeat(length)),
  ...NAME_LENGTHS.slice(0, 9).map((length) => "é".repeat(Math.floor(length / 2))),
  ...["😀".repeat(63), "😀".repeat(128), `${"x".repeat(248)}é`, `${"x".repeat(510)}é`],
  // Equal but for the last or the first of 10,000 characters.
  ...[`${LONG}a`, `${LONG}b`, `${LONG}A`, `a${LONG}`, `b${LONG}`, `${LONG} `],
  // What a backend may store in place of a long name.
  ...["sha1", "sha256"].flatMap((algorithm) => {
    const hash = createHash(algorithm).update(`${LONG}a`).digest("hex");
    return [hash, `H_${hash}`, `H_${hash.slice(0, 32)}`, `H_${hash}`.toUpperCase()];
  }),
]);

/** Pairs of (collection, key), all different, that a naive join would confuse. `unique` is part of each collection. */
export function confusablePairs(unique: string): readonly (readonly [collection: string, key: string])[] {
  const separators = [":", "::", "/", "__", "_", "-", ".", "|", "#", "%", "\0", "\x1f", " ", "\n", '","', "%3A%3A"];
  return distinct([
    [unique, "b"],
    [`${unique}b`, "b"],
    [unique, "bb"],
    [unique, "%3Ab"],
    [unique, "%253Ab"],
    [unique.toUpperCase(), "b"],
    [unique, "B"],
    ...separators.flatMap((s): [string, string][] => [
      [unique, `b${s}c`],
      [`${unique}${s}b`, "c"],
      [unique, `${s}b`],
      [`${unique}${s}`, "b"],
      [unique, `${s}${s}b`],
      [`${unique}${s}`, `${s}b`],
      [`${unique}${s}${s}`, "b"],
      [`${s}${unique}`, "b"],
      [`${s}${unique}${s}`, "b"],
      [unique, `b${s}`],
      [unique, s],
    ]),
  ]);
}

/** Each element once, however often it was made. */
function distinct<T>(elements: readonly T[]): T[] {
  return [...new Map(elements.map((element) => [JSON.stringify(element), element])).values()];
}

/** What no store takes as the name of a record or a collection. */
export const invalidNames: readonly (readonly [what: string, name: unknown])[] = [
  ["the empty string", ""],
  ["a lone high surrogate", "a\ud800"],
  ["a lone low surrogate", "\udc00a"],
  ["surrogates in the wrong order", "\udc00\ud800"],
  ["undefined", undefined],
  ["null", null],
  ["a number", 1],
  ["an object", { toString: () => "a" }],
  ["an array", ["a"]],
  ["a String object", new String("a")],
];

export interface ValueCase {
  readonly what: string;
  readonly given: unknown;
  /** Absent: the same. */
  readonly read?: unknown;
}

function nested(depth: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = "innermost";
  for (let level = 0; level < depth; level++) value = wrap(value);
  return value;
}

/** Values that are to come back as they were put. */
export const validValues: readonly ValueCase[] = [
  ...[null, true, false, 0, "", [], {}].map((given) => ({ what: `the value ${JSON.stringify(given)}`, given })),
  ...[1, -1, 0.1, -1.5, 1e21, 1e308, 5e-324, -5e-324, Number.MAX_VALUE, Number.EPSILON, 123456789.123].map((given) => ({
    what: `the number ${given}`,
    given,
  })),
  ...[2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 53) + 1, 2 ** 60, 2 ** 63, 2 ** 64].map((given) => ({
    what: `the number ${given}`,
    given,
  })),
  ...["123", "007", "1e5", "83528e0696", "true", "null", "NaN", '{"a":1}', "[1]", '"', "undefined", "-0"].map(
    (given) => ({
      what: `the string ${JSON.stringify(given)}`,
      given,
    }),
  ),
  { what: "a date as a string", given: "2026-11-22T15:01:08.474Z" },
  { what: "spaces around", given: "  a \n" },
  { what: "line ends of all kinds", given: "a\r\nb\rc\nd\n\re" },
  {
    what: "all control characters",
    given: String.fromCharCode(...Array(32).keys(), 127, ...Array(32).map((_, i) => 128 + i)),
  },
  { what: "line separators and a byte order mark", given: "\ufeff\u2028\u2029" },
  { what: "characters outside the BMP", given: "😀\u{10ffff}" },
  { what: "composed and decomposed letters", given: ["é", "e\u0301"] },
  { what: "what looks like an escape", given: "\\u0000 \\n \\\\ %00 &amp;" },
  { what: "nested empties", given: { a: [], b: {}, c: [[]], d: [{}], e: "", f: null } },
  { what: "-0, which is 0", given: -0, read: 0 },
  { what: "-0 inside", given: { a: [-0] }, read: { a: [0] } },
  {
    what: "undefined properties, which are left out",
    given: { a: undefined, b: { c: undefined, d: 1 } },
    read: { b: { d: 1 } },
  },
  { what: "an object without a prototype", given: Object.assign(Object.create(null), { a: 1 }), read: { a: 1 } },
  { what: "the property __proto__", given: JSON.parse('{"__proto__": {"polluted": true}, "a": {"__proto__": 1}}') },
  {
    what: "the properties constructor and toString",
    given: JSON.parse('{"constructor": 1, "toString": "a", "hasOwnProperty": null, "then": 1}'),
  },
  { what: "the property of the empty name", given: { "": 1, " ": 2 } },
  { what: "property names with dots, dollars and NUL", given: { "a.b": 1, $set: { x: 1 }, "\0": 2, "a:b": 3 } },
  { what: "property names that are numbers", given: { 10: "a", 9: "b", "01": "c", "-1": "d", 1.5: "e" } },
  { what: "what some stores wrap values in", given: { items: [1] } },
  {
    what: "a value inside a value",
    given: { value: { value: 1 }, expires: 1, expires_at: "2000-01-01T00:00:00Z", ttl: 0 },
  },
  {
    what: "what looks like a stored record",
    given: { revision: "r", version: 1, wrapped: true, value: { items: 1 }, key: "k" },
  },
  { what: "what looks encrypted", given: { encrypted: "kv1", key_id: "1", data: "" } },
  ...[
    { compressed: "kv1", algorithm: "gzip", data: "kv1:AAAAAAAA" },
    { data: "kv1:" },
    { __compressed_data__: "H4sIAAAAAAAA", __compression_algorithm__: "gzip", __compression_version__: 1 },
    { __encrypted_data__: "Z0FBQUFB", __encryption_version__: 1 },
  ].map((given) => ({ what: `what a wrapper stores, ${JSON.stringify(given)}`, given })),
  {
    what: "what looks compressed",
    given: { compressed: true, algorithm: "gzip", data: "H4sIAAAAAAAAAwMAAAAAAAAAAAA=" },
  },
  { what: "arrays nested 400 deep", given: nested(400, (inner) => [inner]) },
  { what: "objects nested 400 deep", given: nested(400, (inner) => ({ a: inner })) },
  { what: "nesting of 500, the deepest there may be", given: nested(500, (inner) => [inner]) },
  { what: "1,000 properties", given: Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`p${at}`, at])) },
  { what: "10,000 elements", given: Array.from({ length: 10_000 }, (_, at) => at) },
];

/** Bytes of large values: where backends begin to refuse, to cut or to change their encoding. */
export const valueSizes: readonly number[] = [65_535, 65_536, 65_537, 400_000, 2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1];

/** Text of so many bytes, the same each time, that repeats itself only after 65,521 characters, and ends in wide ones. */
export function largeText(bytes: number): string {
  noise ??= makeNoise(65_521);
  return `${noise.repeat(Math.ceil(bytes / noise.length)).slice(0, bytes - 9)}é€😀`;
}

/** ASCII text of so many characters that no algorithm makes shorter by more than a quarter. */
export function randomText(length: number): string {
  return randomBytes(Math.ceil(length * 0.75))
    .toString("base64")
    .slice(0, length);
}

let noise: string | undefined;

/** Printable characters from a linear congruential generator: hard to compress. */
function makeNoise(length: number): string {
  let state = 1;
  const codes = new Uint8Array(length);
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    codes[at] = 33 + ((state >>> 24) % 90);
  }
  return Buffer.from(codes).toString("latin1");
}

export interface InvalidCase {
  readonly what: string;
  readonly make: () => unknown;
  /** Where in the value the error must say that the fault lies. */
  readonly path: readonly (string | number)[];
}

class Point {
  readonly x = 1;
}

const atomsThatAreNotJson: readonly (readonly [what: string, make: () => unknown])[] = [
  ["NaN", () => Number.NaN],
  ["Infinity", () => Number.POSITIVE_INFINITY],
  ["-Infinity", () => Number.NEGATIVE_INFINITY],
  ["a bigint", () => 1n],
  ["a symbol", () => Symbol("a")],
  ["a function", () => () => 1],
  ["a Date", () => new Date(0)],
  ["an invalid Date", () => new Date(Number.NaN)],
  ["a Map", () => new Map([["a", 1]])],
  ["a Set", () => new Set([1])],
  ["a class instance", () => new Point()],
  ["a RegExp", () => /a/],
  ["an Error", () => new Error("a")],
  ["a Promise", () => Promise.resolve(1)],
  ["a typed array", () => new Uint8Array(2)],
  ["a Buffer", () => Buffer.from("a")],
  ["an ArrayBuffer", () => new ArrayBuffer(1)],
  ["a boxed number", () => new Number(1)],
  ["a boxed string", () => new String("a")],
  ["a boxed boolean", () => new Boolean(false)],
  ["a URL", () => new URL("http://localhost")],
  ["an object with a prototype of its own", () => Object.create({ inherited: 1 })],
  ["a string with a lone surrogate", () => "a\ud83d"],
  ["an object that contains itself", cyclic],
];

function cyclic(): unknown {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
}

/** Every kind of value that is not JSON: alone, in an object and in an array, and faults of structure. */
export const invalidValues: readonly InvalidCase[] = [
  ...atomsThatAreNotJson.flatMap(([what, make]): InvalidCase[] => {
    const inside = make === cyclic ? ["self"] : [];
    return [
      { what, make, path: inside },
      { what: `${what} in an object`, make: () => ({ good: 1, a: { b: make() } }), path: ["a", "b", ...inside] },
      { what: `${what} in an array`, make: () => ["good", [make()]], path: [1, 0, ...inside] },
    ];
  }),
  { what: "undefined", make: () => undefined, path: [] },
  { what: "undefined in an array by itself", make: () => [1, undefined], path: [1] },
  { what: "undefined in an array", make: () => ({ a: [1, undefined] }), path: ["a", 1] },
  { what: "an array with a hole", make: () => Object.assign(Array(3), { 0: 1, 2: 3 }), path: [1] },
  { what: "a property name with a lone surrogate", make: () => ({ a: { "\ud800": 1 } }), path: ["a", "\ud800"] },
  { what: "a toJSON method", make: () => ({ a: { toJSON: () => 1 } }), path: ["a", "toJSON"] },
  { what: "nesting of 501", make: () => nested(501, (inner) => [inner]), path: Array<number>(500).fill(0) },
  { what: "nesting of 100,000", make: () => nested(100_000, (inner) => [inner]), path: Array<number>(500).fill(0) },
];
