// Commands as bytes are what ioredis itself would send, whatever they hold.

import type { Command as Parts } from "@kv/core/driver";
import fc from "fast-check";
import { Command } from "ioredis";
import { describe, expect, it } from "vitest";
import { encoded, encodedTogether } from "../src/encoded-command.ts";

/** ASCII and not, empty and long: about the length where another way of copying begins, too. */
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.string({ unit: "binary-ascii", minLength: 40, maxLength: 60 }),
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.integer({ min: 0, max: 50 }).map((length) => "k".repeat(length)),
  fc.constantFrom("\ud800", "é".repeat(48)),
);
const command: fc.Arbitrary<Parts> = fc
  .tuple(fc.constantFrom("get", "mget", "set"), fc.array(text, { maxLength: 8 }))
  .map(([name, rest]) => [name, ...rest]);

function byIoredis([name, ...rest]: Parts): Buffer {
  return Buffer.from(new Command(name, rest).toWritable(undefined as never));
}

function bytesOf(commands: readonly Command[]): Buffer {
  return Buffer.concat(commands.map((one) => Buffer.from(one.toWritable(undefined as never))));
}

describe("a command", () => {
  it("is sent as ioredis would", () => {
    fc.assert(
      fc.property(command, (parts) => {
        expect(bytesOf([encoded(parts)])).toEqual(byIoredis(parts));
      }),
    );
  });

  it("is sent as ioredis would beside others, of the same arguments too", () => {
    const several = fc.tuple(fc.array(command, { maxLength: 6 }), command).map(([others, [name, ...rest]]) => {
      const twin: Parts = ["exists", ...rest];
      return [...others, [name, ...rest] as Parts, twin, twin];
    });
    fc.assert(
      fc.property(several, (commands) => {
        expect(bytesOf(encodedTogether(commands))).toEqual(Buffer.concat(commands.map(byIoredis)));
      }),
    );
  });

  it("keeps its bytes while others are made", () => {
    const parts: Parts = ["set", "key", "x".repeat(1000)];
    const first = encoded(parts);
    for (let at = 0; at < 1000; at++) encoded(["set", `key ${at}`, "y".repeat(1000)]);
    expect(bytesOf([first])).toEqual(byIoredis(parts));
  });
});
