// Parts of a batch that stay silent are given up just before the deadline, so that the others can be told.

import { describe, expect, it } from "vitest";
import { inTime, silent } from "../../src/driver/index.ts";
import { uncancelled } from "../support/uncancelled.ts";

const callOf = (milliseconds: number) => uncancelled("getMany", performance.now() + milliseconds);

describe("inTime", () => {
  it("gives the answer, and its error", async () => {
    expect(await inTime(callOf(60_000), Promise.resolve(1), () => 2)).toBe(1);
    await expect(inTime(callOf(60_000), Promise.reject(new Error("no")), () => 2)).rejects.toThrow("no");
  });

  it("gives something else before the deadline, and drops what comes later", async () => {
    const call = callOf(300);
    let refuse = (_: Error): void => {};
    const never = new Promise<number>((_, reject) => {
      refuse = reject;
    });
    // As the store ends the call, by a timer that is later set, for the deadline.
    const order: string[] = [];
    const ended = new Promise<void>((resolve) =>
      setTimeout(() => {
        order.push("deadline");
        resolve();
      }, 300),
    );
    expect(await inTime(call, never, () => 2).finally(() => order.push("answer"))).toBe(2);
    refuse(new Error("late"));
    await ended;
    expect(order).toEqual(["answer", "deadline"]);
  });

  it("does not wait where there is no time left", async () => {
    expect(await inTime(callOf(-5), new Promise<number>(() => {}), () => 3)).toBe(3);
  });
});

describe("the error of a silent part", () => {
  it("says that nothing was sent, where nothing was", () => {
    expect(silent(false)).toMatchObject({ code: "TIMEOUT", retryable: true, outcome: "not-applied" });
    expect(silent(true).outcome).toBeUndefined();
  });
});
