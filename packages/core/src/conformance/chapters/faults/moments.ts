/** Chapter "faults": a fault before the first call, amid many calls, or in the middle of an enumeration. */
import { ConformanceError, equal, ok, sameElements } from "../../assertions.ts";
import { proxyOf } from "../../fault-proxy.ts";
import { checkOutage } from "../../outage.ts";
import { type Property, property } from "../../property.ts";
import { call, collect } from "../../support.ts";
import { quietly } from "../../unhandled.ts";
import { BEFORE, PATIENT, recovers, sceneOf, timeoutOf } from "./scene.ts";

export const moments: readonly Property[] = [
  property({
    id: "faults/down-at-first",
    title:
      "Where the server is down at first, calls fail in time and writes were not applied; when it comes, all works.",
    needs: ["write"],
    wants: ["proxy"],
    async run(context) {
      await quietly(async () => {
        const proxy = await proxyOf(context);
        await proxy.inject({ type: "refuse" });
        const scene = await sceneOf(context, proxy);
        for (const [method, args] of [
          ["get", ["there"]],
          ["put", ["there", "new"]],
        ] as const) {
          let failure: unknown;
          await call(scene.records, method, ...args).catch((error: unknown) => {
            failure = error;
          });
          checkOutage(failure, "refuse", `${method} while the server is down`);
          const expected = method === "put" ? "not-applied" : undefined;
          equal(failure.outcome, expected, `${method} while the server is down: outcome`);
        }
        await proxy.heal();
        await recovers(scene, "a store whose server was down at first");
        equal(await scene.records.get("there"), "secret-value", "the record after a put that was not applied");
      });
    },
  }),

  property({
    id: "faults/dropped-in-flight",
    title: "Of many calls in flight when the connection breaks, each settles, and says what became of it.",
    needs: ["write"],
    wants: ["proxy"],
    async run(context) {
      await quietly(async () => {
        const scene = await sceneOf(context);
        const { proxy, records, control } = scene;
        await records.get("still", PATIENT);
        await proxy.inject({ type: "delay", milliseconds: 20 });
        const keys = Array.from({ length: 40 }, (_, at) => `key-${at}`);
        const calls = keys.map((key, at) =>
          at % 4 === 0
            ? records.get("there").then((value) => equal(value, "secret-value", "get"))
            : records.put(key, at),
        );
        setTimeout(() => proxy.drop(), 30);
        const settled = await Promise.allSettled(calls);
        await proxy.heal();
        await recovers(scene, "a store whose connection was dropped");
        for (const [at, result] of settled.entries()) {
          const key = `key-${at}`;
          const stored = await control.get(key, PATIENT);
          if (result.status === "fulfilled") {
            if (at % 4 !== 0) equal(stored, at, `the record of the put of ${key}, which resolved`);
            continue;
          }
          const error: unknown = result.reason;
          if (error instanceof ConformanceError) throw error;
          checkOutage(error, "reset", `the call on ${key}`);
          if (error.outcome === "not-applied") equal(stored, undefined, `the record of ${key}, which was not applied`);
        }
      });
    },
  }),

  property({
    id: "faults/enumeration",
    title: "An enumeration whose server goes away rejects: it never ends as if it were complete.",
    needs: ["write", "enumerate"],
    wants: ["proxy"],
    async run(context) {
      const scene = await sceneOf(context);
      const { proxy, control } = scene;
      const keys = Array.from({ length: 3000 }, (_, at) => `key-${at}`);
      await control.putMany(keys.map((key) => ({ key, value: key })));
      const records = (await context.openThrough(proxy.address, { timeout: timeoutOf(context) })).collection(
        control.name,
      );
      const loop = records.keys();
      const first = await loop.next();
      ok(!first.done, "the enumeration gives a key");
      await proxy.inject({ type: "refuse" });
      let rest: string[];
      try {
        rest = await collect(loop);
      } catch (error) {
        checkOutage(error, "refuse", "the enumeration");
        return;
      }
      sameElements(
        [first.value, ...rest],
        [...keys, ...Object.keys(BEFORE)],
        "keys of a loop that ended without an error",
      );
    },
  }),
];
