// Chaos: faults by seed, the same each time, and what they leave behind.

import { createStore, InvalidArgumentError, KeyValueError } from "@kv/core";
import { type ChaosOptions, chaos, retry } from "@kv/core/wrappers";
import { describe, expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { rejection, settled } from "./held-driver.ts";

function disturbed(options: ChaosOptions) {
  const inner = new CompleteDriver();
  const plain = createStore(inner);
  return { inner, plain, store: plain.with(chaos(options)) };
}

/** What becomes of so many puts: stored and told, refused, or stored and the answer lost. */
async function outcomes(options: ChaosOptions, count = 200): Promise<string> {
  const { plain, store } = disturbed(options);
  let seen = "";
  for (let index = 0; index < count; index++) {
    const key = `key ${index}`;
    const error = await store.put(key, index).then(
      () => undefined,
      (thrown: KeyValueError) => thrown,
    );
    const stored = await plain.has(key);
    seen += error === undefined ? "." : error.outcome === "not-applied" ? "f" : "l";
    expect(stored).toBe(error?.outcome !== "not-applied");
    if (error) expect(error.code).toBe("UNAVAILABLE");
  }
  return seen;
}

it.each<ChaosOptions>([
  {} as never,
  { seed: -1 },
  { seed: 1.5 },
  { seed: "a" as never },
  { seed: 1, failRate: 1.1 },
  { seed: 1, lossRate: -0.1 },
  { seed: 1, delayRate: Number.NaN },
  { seed: 1, maxDelay: -1 },
])("is refused of %j", (options) => {
  expect(() => chaos(options)).toThrow(InvalidArgumentError);
});

describe("faults", () => {
  it("are the same for the same seed, and others for another", async () => {
    const options = { failRate: 0.3, lossRate: 0.3 };
    const first = await outcomes({ seed: 7, ...options });
    expect(await outcomes({ seed: 7, ...options })).toBe(first);
    expect(await outcomes({ seed: 8, ...options })).not.toBe(first);
  });

  it("come about as often as asked for, before and after the exchange was done", async () => {
    const seen = await outcomes({ seed: 3, failRate: 0.25, lossRate: 0.25 });
    const [failed, lost] = ["f", "l"].map((one) => seen.split(one).length - 1);
    // Of 200, by a fixed seed: 50 would be exact, and as many of the other three quarters.
    expect(failed).toBeGreaterThan(30);
    expect(lost).toBeGreaterThan(20);
    expect(failed).toBeLessThan(70);
  });

  it("of one kind stay where they are when the rate of another changes", async () => {
    const few = await outcomes({ seed: 5, failRate: 0.2 });
    const more = await outcomes({ seed: 5, failRate: 0.2, lossRate: 0.5 });
    expect([...more].map((one) => (one === "f" ? "f" : ".")).join("")).toBe(few);
  });

  it("do not come where none are asked for, and always where all are", async () => {
    expect(await outcomes({ seed: 1 })).toBe(".".repeat(200));
    expect(await outcomes({ seed: 1, failRate: 1, lossRate: 1 }, 20)).toBe("f".repeat(20));
    expect(await outcomes({ seed: 1, lossRate: 1 }, 20)).toBe("l".repeat(20));
  });

  it("of reads leave nothing open", async () => {
    for (const rates of [{ failRate: 1 }, { lossRate: 1 }]) {
      const error = await rejection(disturbed({ seed: 1, ...rates }).store.get("a"));
      expect(error).toBeInstanceOf(KeyValueError);
      expect(error).not.toHaveProperty("outcome");
    }
  });

  it("are what retry is there for: each increment counts once", async () => {
    const { plain } = disturbed({ seed: 1 });
    const store = plain
      .with(chaos({ seed: 11, failRate: 0.2, lossRate: 0.2 }))
      .with(retry({ attempts: 20, baseDelay: 0.01, maxDelay: 0.1 }));
    await plain.put("n", 0);
    let told = 0;
    let open = 0;
    for (let index = 0; index < 50; index++) {
      await store.increment("n").then(
        () => told++,
        (error: KeyValueError) => {
          if (error.outcome === "unknown") open++;
        },
      );
    }
    const counted = Number(await plain.get("n"));
    expect(counted).toBeGreaterThanOrEqual(told);
    expect(counted).toBeLessThanOrEqual(told + open);
    expect(told).toBeGreaterThan(40);
  });
});

describe("delays", () => {
  it("hold an exchange back, each for a time of its own", async () => {
    const { plain, store } = disturbed({ seed: 1, delayRate: 1, maxDelay: 40 });
    const took: number[] = [];
    for (let index = 0; index < 12; index++) {
      const began = performance.now();
      await store.put("a", index);
      took.push(performance.now() - began);
    }
    expect(await plain.get("a")).toBe(11);
    // By this seed the longest is above 30 ms; timers may be a millisecond early.
    expect(Math.max(...took)).toBeGreaterThan(20);
  });

  it("end with the call, and then nothing is sent", async () => {
    const { inner, store } = disturbed({ seed: 1, delayRate: 1, maxDelay: "20s" });
    expect(await rejection(store.put("a", 1, { timeout: 10 }))).toMatchObject({
      code: "TIMEOUT",
      outcome: "not-applied",
    });
    await settled();
    expect(inner.get({ collection: "default_collection", key: "a" })).toBeUndefined();
  });
});
