// The stored text: Python's own records, ours and back, numbers and times at the edges, and damage of every kind.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeEnvelope,
  encodeEnvelope,
  foreignRevision,
  formatTime,
  isForeign,
  revisionPrefix,
} from "../../src/driver/envelope.ts";
import { CorruptRecordError, InexactNumberError } from "../../src/errors.ts";
import { copyJson, type JsonValue } from "../../src/json.ts";
import type { Revision } from "../../src/record.ts";
import { newRevision } from "../../src/revision.ts";

/** Written by py-key-value-aio 0.4: what its Redis store keeps, and the shorter text of its stores without names. */
const PYTHON = {
  redis: String.raw`{"collection": "users", "created_at": "2026-11-22T15:01:08.474517+00:00", "expires_at": "2026-11-22T16:01:08.474517+00:00", "key": "user:1", "value": {"age": 30, "f": 1.0, "name": "Alice", "x": "\u00e9"}, "version": 1}`,
  nameless: String.raw`{"created_at": "2026-11-22T15:01:08.474517+00:00", "value": {"a": "\u00e9", "b": 1}, "version": 1}`,
  wholeSecond: `{"collection": "c", "created_at": "2026-11-22T15:01:08+00:00", "key": "k", "value": {}, "version": 1}`,
  items: `{"collection": "c", "created_at": "2026-11-22T15:01:08.000001+00:00", "key": "k", "value": {"items": [1, 2]}, "version": 1}`,
};

const ID = { collection: "users", key: "ada" };
const AT = Date.parse("2026-11-22T15:01:08.474Z");

function python(value: string, more = ""): string {
  return `{"collection": "c", "created_at": "2026-11-22T15:01:08.474517+00:00", ${more}"key": "k", "value": ${value}, "version": 1}`;
}

function times(text: string): { readonly createdAt: number | undefined; readonly expiresAt: number | undefined } {
  const { createdAt, expiresAt } = decodeEnvelope(text).record;
  return { createdAt, expiresAt };
}

describe("records of Python", () => {
  it("are read whole", () => {
    const { id, record, ours } = decodeEnvelope(PYTHON.redis);
    expect(ours).toBe(false);
    expect(id).toEqual({ collection: "users", key: "user:1" });
    expect(record.value).toEqual({ age: 30, f: 1, name: "Alice", x: "é" });
    // A fraction of a millisecond is counted up, so that nothing ends early.
    expect(record.createdAt).toBe(Date.parse("2026-11-22T15:01:08.475Z"));
    expect(record.expiresAt).toBe(Date.parse("2026-11-22T16:01:08.475Z"));
  });

  it("may lack their names and their expiry", () => {
    const { id, record } = decodeEnvelope(PYTHON.nameless);
    expect(id).toEqual({ collection: undefined, key: undefined });
    expect(record.value).toEqual({ a: "é", b: 1 });
    expect(record.expiresAt).toBeUndefined();
    expect(times(python("{}", '"expires_at": null, ')).expiresAt).toBeUndefined();
  });

  it("have the hash of their text for a revision, which changes with any write and is none of ours", () => {
    const { revision } = decodeEnvelope(PYTHON.redis).record;
    expect(revision).toBe("c560eb83774e34aac154a4aab2c5dae70928a80f");
    expect(revision).toBe(foreignRevision(PYTHON.redis));
    expect(isForeign(revision)).toBe(true);
    expect(foreignRevision(PYTHON.redis.replace("474517", "474518"))).not.toBe(revision);
    expect(isForeign(newRevision())).toBe(false);
  });

  it("keep an {items: …} of their own, since only our mark unwraps it", () => {
    expect(decodeEnvelope(PYTHON.items).record.value).toEqual({ items: [1, 2] });
    const marked = python('{"items": 1}', '"wrapped": true, ');
    expect(decodeEnvelope(marked).record.value).toEqual({ items: 1 });
  });

  it("may hold the value as text", () => {
    expect(decodeEnvelope(python(String.raw`"{\"a\": [1, \"\\u00e9\"]}"`)).record.value).toEqual({ a: [1, "é"] });
    for (const inner of ["[1]", "1", "null", "secret", "{secret"]) {
      expect(() => decodeEnvelope(python(JSON.stringify(inner)))).toThrow(CorruptRecordError);
    }
  });

  it.each([
    ["2026-11-22T15:01:08+00:00", "2026-11-22T15:01:08.000Z"],
    ["2026-11-22T15:01:08.474+00:00", "2026-11-22T15:01:08.474Z"],
    ["2026-11-22T15:01:08.474000+00:00", "2026-11-22T15:01:08.474Z"],
    ["2026-11-22T15:01:08.474001+00:00", "2026-11-22T15:01:08.475Z"],
    ["2026-11-22T15:01:08.999999+00:00", "2026-11-22T15:01:09.000Z"],
    ["2026-11-22T15:01:08.5+00:00", "2026-11-22T15:01:08.500Z"],
    ["2026-11-22T15:01:08Z", "2026-11-22T15:01:08.000Z"],
    ["2026-11-22 15:01:08.474000+00:00", "2026-11-22T15:01:08.474Z"],
    ["2026-11-22T20:31:08.474000+05:30", "2026-11-22T15:01:08.474Z"],
    ["2026-11-22T07:01:08.474000-08:00", "2026-11-22T15:01:08.474Z"],
    ["9999-12-31T23:59:59.999000+00:00", "9999-12-31T23:59:59.999Z"],
  ])("may state the time %s", (written, moment) => {
    expect(times(python("{}", `"expires_at": "${written}", `)).expiresAt).toBe(Date.parse(moment));
  });
});

describe("numbers of Python", () => {
  it.each([
    "9007199254740991",
    "-9007199254740991",
    "9007199254740992",
    "9007199254740994",
    "1000000000000000000000",
    "0.9007199254740993",
    "123.9007199254740993",
    "1234567890123456789.5",
    "1e+22",
    "12345678901234567e-3",
    "1.7976931348623157e+308",
    "5e-324",
  ])("are read where they are exact or floats: %s", (written) => {
    expect(decodeEnvelope(python(`{"n": ${written}}`)).record.value).toEqual({ n: Number(written) });
  });

  const BIG = "1".repeat(400);
  it.each<[string, JsonValue]>([
    ["9007199254740993", 9007199254740992],
    ["-9007199254740993", -9007199254740992],
    ["1180591620717411303425", 2 ** 70],
    [BIG, null],
    [`-${BIG}`, null],
    ["NaN", null],
    ["Infinity", null],
    ["-Infinity", null],
    ["1e400", null],
    ['[1, {"x": NaN}]', [1, { x: null }]],
  ])("are refused where they would be rounded, or are the nearest by option: %s", (written, nearest) => {
    const text = python(`{"n": ${written}}`);
    expect(() => decodeEnvelope(text)).toThrow(InexactNumberError);
    expect(decodeEnvelope(text, "nearest").record.value).toEqual({ n: nearest });
    // The same where the value is text inside the text.
    const inner = python(JSON.stringify(`{"n": ${written}}`));
    expect(() => decodeEnvelope(inner)).toThrow(InexactNumberError);
    expect(decodeEnvelope(inner, "nearest").record.value).toEqual({ n: nearest });
  });

  it("inside texts are texts", () => {
    const value = { a: "9007199254740993", b: 'NaN "Infinity" \\', "9007199254740993": "\\\\" };
    expect(decodeEnvelope(python(JSON.stringify(value))).record.value).toEqual(value);
    const broken = python(`{"a": "NaN", "b": Nan}`);
    expect(() => decodeEnvelope(broken)).toThrow("not JSON");
  });
});

describe("records of ours", () => {
  const value = fc.jsonValue().map((one) => copyJson(one));
  const name = fc.string({ unit: "grapheme", minLength: 1 });
  const moment = fc.option(fc.integer({ min: 0, max: 253_402_300_799_999 }), { nil: undefined });

  it("come back as they were", () => {
    fc.assert(
      fc.property(name, name, value, moment, moment, (collection, key, value, createdAt, expiresAt) => {
        const revision = newRevision();
        const text = encodeEnvelope({ collection, key }, { value, createdAt, expiresAt, revision });
        const { id, record, ours } = decodeEnvelope(text);
        expect(ours).toBe(true);
        expect(id).toEqual({ collection, key });
        expect({ ...times(text), revision: record.revision }).toEqual({ createdAt, expiresAt, revision });
        expect(JSON.stringify(record.value)).toBe(JSON.stringify(value));
        expect(text.startsWith(revisionPrefix(revision))).toBe(true);
      }),
    );
  });

  it("are read as JSON is, also where someone has meddled with any place of the text", () => {
    const read = (text: string): unknown => {
      try {
        const { id, ours, record } = decodeEnvelope(text);
        const { value, createdAt, expiresAt } = record;
        return { id, ours, value, createdAt, expiresAt, revision: ours && record.revision };
      } catch (error) {
        return (error as Error).message;
      }
    };
    const pieces = ["", '"', "\\", "{", "}", ",", " ", "\n", "\u0001", "\u2028", "é", ', "value": ', ', "version": 1}'];
    const values: JsonValue[] = [{ a: "b" }, { wrapped: true }, [1], "text", {}];
    for (const [at, value] of values.entries()) {
      const [createdAt, expiresAt] = [at % 2 === 0 ? AT : undefined, at % 3 === 0 ? AT + 1 : undefined];
      const text = encodeEnvelope(ID, { value, createdAt, expiresAt, revision: newRevision() });
      for (let place = 0; place <= text.length; place++) {
        for (const meddled of pieces.flatMap((piece) =>
          [0, 1].map((cut) => text.slice(0, place) + piece + text.slice(place + cut)),
        )) {
          // A text that begins with a blank is not as we write it, and yet the same in JSON.
          expect(read(meddled), meddled).toEqual(read(` ${meddled}`));
        }
      }
    }
  });

  it("are, but for our own fields, the text that Python writes", () => {
    const text = encodeEnvelope(ID, {
      value: { age: 30 },
      createdAt: AT,
      expiresAt: AT + 3_600_000,
      revision: "r1" as Revision,
    });
    expect(text).toBe(
      '{"revision": "r1", "collection": "users", "created_at": "2026-11-22T15:01:08.474000+00:00", ' +
        '"expires_at": "2026-11-22T16:01:08.474000+00:00", "key": "ada", "value": {"age":30}, "version": 1}',
    );
  });

  it("wrap what is no object, as Python's adapters do, and mark it", () => {
    for (const value of [null, 1, "text", false, [], [{ a: 1 }]]) {
      const text = encodeEnvelope(ID, {
        value,
        createdAt: undefined,
        expiresAt: undefined,
        revision: "r1" as Revision,
      });
      expect(JSON.parse(text)).toEqual({ revision: "r1", ...ID, value: { items: value }, version: 1, wrapped: true });
      expect(decodeEnvelope(text).record.value).toEqual(value);
    }
    const items = encodeEnvelope(ID, {
      value: { items: 1 },
      createdAt: 0,
      expiresAt: undefined,
      revision: "r1" as Revision,
    });
    expect(decodeEnvelope(items).record.value).toEqual({ items: 1 });
  });

  it("keep floats with many digits, and integers that JavaScript itself has rounded", () => {
    for (const n of [2 ** 70, Number.MAX_VALUE, Number("0.9007199254740993"), 2 ** 53 + 2]) {
      const text = encodeEnvelope(ID, { value: { n }, createdAt: 0, expiresAt: undefined, revision: newRevision() });
      expect(decodeEnvelope(text).record.value).toEqual({ n });
    }
  });

  it("have times with microseconds and a numeric offset, which Python 3.10 reads too", () => {
    expect(formatTime(0)).toBe("1970-01-01T00:00:00.000000+00:00");
    expect(formatTime(253_402_300_799_999)).toBe("9999-12-31T23:59:59.999000+00:00");
  });
});

describe("damage", () => {
  it.each([
    ["nothing", ""],
    ["no JSON", "secret"],
    ["JSON cut short", PYTHON.redis.slice(0, -5)],
    ["JSON with more behind it", `${PYTHON.redis}secret`],
    ["bare NaN outside JSON", "NaN secret"],
    ["an array", '["secret"]'],
    ["a text", '"secret"'],
    ["null", "null"],
    ["a number", "1"],
    ["no value", '{"created_at": "2026-11-22T15:01:08+00:00", "secret": 1, "version": 1}'],
    ["null for a value", python("null")],
    ["an array for a value of Python", python('["secret"]')],
    ["a number for a time", python("{}", '"expires_at": 1763820068, ')],
    ["an object for a name", '{"collection": {"secret": 1}, "key": "k", "value": {}, "version": 1}'],
    [
      "a wrapped record of ours without items",
      '{"revision": "r", "value": {"secret": 1}, "version": 1, "wrapped": true}',
    ],
    ["a text for a value of ours", '{"revision": "r", "value": "{\\"secret\\": 1}", "version": 1}'],
    ["a time without offset", python("{}", '"expires_at": "2026-11-22T15:01:08", ')],
    ["no time", python("{}", '"expires_at": "secret", ')],
    ["an impossible time", python("{}", '"expires_at": "2026-13-22T15:01:08+00:00", ')],
  ])("is told, and never quoted: %s", (_, text) => {
    let error: unknown;
    try {
      // Times are read where someone asks for them.
      times(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(CorruptRecordError);
    expect(error).toMatchObject({ code: "CORRUPT_RECORD" });
    expect(String((error as Error).message)).not.toMatch(/secret|Alice/);
    expect((error as Error).cause).toBeUndefined();
  });

  it("of any one character is told or harmless, never another kind of error", () => {
    fc.assert(
      fc.property(fc.nat({ max: PYTHON.redis.length - 1 }), fc.string({ maxLength: 1 }), (at, character) => {
        const text = PYTHON.redis.slice(0, at) + character + PYTHON.redis.slice(at + 1);
        try {
          times(text);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptRecordError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
