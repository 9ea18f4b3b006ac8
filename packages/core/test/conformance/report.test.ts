/** What the suite reports: results as data, failures that explain themselves, what does not apply and why, TAP. */
import { type Capability, createStore, StoreUnavailableError } from "@kv/core";
import { conformance, properties, type Target } from "@kv/core/conformance";
import { around, defineLayer, forward, type Layer } from "@kv/core/driver";
import { afterEach, expect, it } from "vitest";
import { MapDriver } from "../support/map-driver.ts";

const deaf = defineLayer("deaf", (inner) => forward(inner, { put: () => {} }));

function target(layer?: Layer<never, Capability>): Target {
  return {
    name: "map",
    open(options) {
      const store = createStore(new MapDriver(), options);
      return layer ? store.with(layer) : store;
    },
  };
}

afterEach(() => {
  process.exitCode = undefined;
});

it("has a stable name and a chapter for each property, and a sentence that ends", () => {
  const ids = properties.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { id, chapter, title } of properties) {
    expect(id).toMatch(/^[a-z]+(-[a-z]+)*\/[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(id.startsWith(`${chapter}/`)).toBe(true);
    expect(title).toMatch(/^\S.*\.$/);
  }
});

it("explains a failure: the property, what was expected, what came, the contract and the names", async () => {
  const { passed, results } = await conformance(target(deaf)).run({ only: ({ id }) => id === "records/put-replaces" });
  expect(passed).toBe(false);
  expect(results).toHaveLength(1);
  const error = results[0]?.error;
  expect(error).toMatchObject({ name: "ConformanceError", expected: { first: 1, both: 1 }, actual: undefined });
  expect(error instanceof Error && error.message).toMatch(
    /^records\/put-replaces: get after put\n {2}expected: \{ first: 1, both: 1 \}\n {2}received: undefined\n {2}the contract: `put` stores, .*\n {2}names used: \[ 'kv-[0-9a-f]{14}' \]$/,
  );
  expect(error instanceof Error && error.stack).toContain("chapters/records.ts");
});

it("explains an error of the store", async () => {
  const cause = new Error("out of order");
  const failing = defineLayer("failing", (inner) => forward(inner, { get: () => Promise.reject(cause) }));
  const { results } = await conformance(target(failing)).run({ only: ({ id }) => id === "records/put-replaces" });
  const error = results[0]?.error;
  expect(error instanceof Error && error.message).toMatch(
    /^records\/put-replaces: failed with BackendError: the backend failed \(code: "BACKEND_FAILURE", operation: "get", collection: "kv-[0-9a-f]{14}", key: "a"\), caused by Error: out of order\n/,
  );
});

it.each([0, 1, 2, 5])("leaves no rejection unhandled where the server dies after %i exchanges", async (most) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", note);
  const reports = await Promise.all(
    properties.map(({ id }) => {
      let exchanges = 0;
      const dying = defineLayer("dying", (inner) =>
        around(inner, (_, call, exchange) => {
          if (exchanges++ < most) return exchange(call);
          return Promise.reject(new StoreUnavailableError("the server has died"));
        }),
      );
      const driver = new MapDriver();
      const open: Target["open"] = (options) => createStore(driver, options).with(dying);
      return conformance({ name: "dying", open, shared: true }).run({ only: (one) => one.id === id });
    }),
  );
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
  const failed = reports.flatMap(({ results }) => results.filter(({ error }) => error !== undefined));
  expect(failed.length).toBeGreaterThan(100);
});

it("lists what does not apply, and checks the other side of what is not claimed", async () => {
  const lame = defineLayer("lame", (inner) => inner, { withdraws: ["atomic", "clear"] });
  const { applicable, notApplicable, capabilities } = await conformance(target(lame)).plan();
  expect(capabilities).toMatchObject({ write: true, atomic: false, enumerate: true, clear: false });
  const reasons = new Map(notApplicable.map(({ property, reason }) => [property.id, reason]));
  expect(reasons.get("atomics/take")).toBe('the store does not claim "atomic"');
  expect(reasons.get("capabilities/without-write")).toBe('the store claims "write"');
  expect(reasons.get("instances/deletes")).toBe("open() gives stores that share no data");
  const ids = applicable.map(({ id }) => id);
  expect(ids).toContain("capabilities/without-atomic");
  expect(ids).toContain("capabilities/without-clear");
  expect(ids.length + reasons.size).toBe(properties.length);
});

it("passes a property that does not apply over, and says so in TAP", async () => {
  let printed = "";
  const chosen = conformance(target(deaf));
  const report = await chosen.tap((text) => {
    printed += text;
  });
  const lines = printed.split("\n");
  expect(lines[0]).toBe("TAP version 14");
  expect(lines).toContain(`1..${properties.length}`);
  const points = lines.filter((line) => /^(not )?ok /.test(line));
  expect(points.map((line) => Number(/\d+/.exec(line)?.[0]))).toEqual(properties.map((_, at) => at + 1));
  expect(points.filter((line) => line.includes("# SKIP"))).toHaveLength(report.notApplicable.length);
  expect(printed).toMatch(
    /^not ok \d+ - records\/put-replaces: .*\n {2}---\n {2}duration_ms: [\d.]+\n {2}message: \|\n {4}records\/put-replaces: get after put\n/m,
  );
  expect(process.exitCode).toBe(1);
});
