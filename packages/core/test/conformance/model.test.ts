/** The model-based chapter: a store that lies is found out by a sequence that a reader can follow. */
import { createStore } from "@kv/core";
import { conformance } from "@kv/core/conformance";
import type { RecordId } from "@kv/core/driver";
import { expect, it } from "vitest";
import { type Data, MapDriver } from "../support/map-driver.ts";

/** Deletes nothing. */
class Keeping extends MapDriver {
  override remove(_id: RecordId): void {}
}

it("prints the shortest sequence that fails, with its seed", async () => {
  const data: Data = new Map();
  const suite = conformance({ name: "keeping", open: (options) => createStore(new Keeping(data), options) });
  const { results, passed } = await suite.run({ only: ({ id }) => id === "model/sequences" });
  expect(passed).toBe(false);
  const { error } = results[0] ?? {};
  if (!(error instanceof Error)) throw new Error("the property did not fail");
  expect(error.message).toMatch(/seed -?\d+, path "[\d:]+"/);
  const script = error.message.split("\n").filter((line) => /^ {4}(c\d|store|…)/.test(line));
  // A write, what deletes it, and what shows that it is still there.
  expect(script.length).toBeGreaterThan(1);
  expect(script.length).toBeLessThan(5);
  expect(error.message).toMatch(/expected: .*\n {2}received: /);
}, 60_000);
