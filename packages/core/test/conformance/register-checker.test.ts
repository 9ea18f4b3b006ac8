/** The checker of register histories: which stories can be told. */
import { expect, it } from "vitest";
import { isLinearizable, type RegisterAction, type RegisterOperation } from "../../src/conformance/register-checker.ts";

const read = (value: unknown): RegisterAction => ({ type: "read", value });
const write = (value: unknown): RegisterAction => ({ type: "write", value });
const swap = (expected: unknown, value: unknown, swapped: boolean): RegisterAction => ({
  type: "swap",
  expected,
  value,
  swapped,
});
/** Each with the events between which it lasted. */
const history = (...all: [action: RegisterAction, began: number, ended: number][]): RegisterOperation[] =>
  all.map(([action, began, ended]) => ({ action, began, ended }));

it.each<[string, RegisterOperation[]]>([
  ["nothing", []],
  ["one after another", history([write(1), 0, 1], [read(1), 2, 3], [write(undefined), 4, 5], [read(undefined), 6, 7])],
  ["a read beside a write, before it", history([write(1), 0, 3], [read(undefined), 1, 2])],
  ["a read beside a write, after it", history([write(1), 0, 3], [read(1), 1, 2])],
  [
    "two writes at once, read in one order",
    history([write(1), 0, 3], [write(2), 1, 2], [read(1), 4, 5], [read(1), 6, 7]),
  ],
  ["one of two swaps", history([write(1), 0, 1], [swap(1, 2, true), 2, 5], [swap(1, 3, false), 3, 4], [read(2), 6, 7])],
  [
    "a write without an answer, that happened late",
    history([write(1), 0, Infinity], [read(undefined), 1, 2], [read(1), 3, 4]),
  ],
  ["a write without an answer, that never happened", history([write(1), 0, Infinity], [read(undefined), 1, 2])],
])("takes %s", (_, operations) => {
  expect(isLinearizable(operations)).toBe(true);
  expect(isLinearizable(operations.toReversed())).toBe(true);
});

it.each<[string, RegisterOperation[]]>([
  ["a value from nowhere", history([read(1), 0, 1])],
  ["a read that misses a write that had ended", history([write(1), 0, 1], [read(undefined), 2, 3])],
  ["two reads of which the later sees less", history([write(1), 0, 5], [read(1), 1, 2], [read(undefined), 3, 4])],
  [
    "two readers who see two writes in two orders",
    history([write(1), 0, 9], [write(2), 1, 8], [read(1), 2, 3], [read(2), 4, 5], [read(1), 6, 7]),
  ],
  ["two swaps that both won", history([write(1), 0, 1], [swap(1, 2, true), 2, 5], [swap(1, 3, true), 3, 4])],
  ["a swap that lost though nothing stood against it", history([write(1), 0, 1], [swap(1, 2, false), 2, 3])],
  ["a swap that lost and wrote all the same", history([write(1), 0, 1], [swap(5, 2, false), 2, 3], [read(2), 4, 5])],
  ["a deleted value that comes back", history([write(1), 0, 1], [write(undefined), 2, 3], [read(1), 4, 5])],
])("refuses %s", (_, operations) => {
  expect(isLinearizable(operations)).toBe(false);
});

it("takes a long history in which many overlap, in no time", () => {
  const operations: RegisterOperation[] = [];
  for (let round = 0; round < 60; round++) {
    for (let caller = 0; caller < 8; caller++) {
      const began = round * 20 + caller;
      operations.push({ action: write(`${round}-${caller}`), began, ended: round * 20 + 10 + caller });
    }
  }
  operations.push({ action: read("59-3"), began: 5000, ended: 5001 });
  const began = performance.now();
  expect(isLinearizable(operations)).toBe(true);
  expect(performance.now() - began).toBeLessThan(5000);
});
