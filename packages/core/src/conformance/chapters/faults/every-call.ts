/** Chapter "faults": each fault, met by calls of every kind. */
import type { Fault } from "../../fault-proxy.ts";
import { type Property, property } from "../../property.ts";
import { call } from "../../support.ts";
import { PATIENT, sceneOf, timeoutOf } from "./scene.ts";
import { trialsOf } from "./trials.ts";
import { checkWrite, tryAll } from "./trying.ts";

interface FaultCase {
  readonly id: `faults/${string}`;
  readonly title: string;
  readonly scope: "all" | "existing";
  readonly waits?: true;
  readonly faults: (timeout: number) => readonly Fault[];
}

const cases: readonly FaultCase[] = [
  {
    id: "faults/refused",
    title: "A server that refuses connections is an error in time; when it is back, so is the store.",
    scope: "all",
    faults: () => [{ type: "refuse" }],
  },
  {
    id: "faults/reset",
    title: "A server that resets all connections is an error in time; when it stops, the store is back.",
    scope: "all",
    faults: () => [{ type: "reset" }],
  },
  {
    id: "faults/dropped",
    title: "Connections that were dropped are replaced.",
    scope: "existing",
    faults: () => [{ type: "reset" }],
  },
  {
    id: "faults/silent",
    title: "A server that no longer answers is an error at the deadline; when it answers again, the store is back.",
    scope: "all",
    waits: true,
    faults: () => [{ type: "silence" }],
  },
  {
    id: "faults/dead-connection",
    title: "A connection on which nothing comes any more is replaced by another one.",
    scope: "existing",
    waits: true,
    faults: () => [{ type: "silence" }],
  },
  {
    id: "faults/too-slow",
    title:
      "A server that answers after the deadline is an error at the deadline, and a late answer is not another call's.",
    scope: "all",
    waits: true,
    faults: (timeout) => [{ type: "delay", milliseconds: timeout }],
  },
  {
    id: "faults/cut-in-mid-reply",
    title: "A reply that breaks off is an error, never half an answer.",
    scope: "existing",
    faults: () => [1, 5, 12].map((bytes) => ({ type: "cut", bytes })),
  },
  {
    id: "faults/lost-reply",
    title: "A write whose reply was lost is not sent again: its outcome is unknown, or it was done once.",
    scope: "existing",
    faults: () => [
      { type: "lose-reply", by: "reset" },
      { type: "lose-reply", by: "end" },
      { type: "lose-reply", by: "reset", spared: 1 },
    ],
  },
  {
    id: "faults/lost-reply-then-silence",
    title: "A write whose reply was lost without a sign is an error at the deadline whose outcome is unknown.",
    scope: "existing",
    waits: true,
    faults: () => [{ type: "lose-reply", by: "silence" }],
  },
  {
    id: "faults/garbage",
    title:
      "A server that answers garbage is an error in time, never a miss; when it makes sense again, the store is back.",
    scope: "all",
    faults: () => [{ type: "garbage" }],
  },
];

export const everyCall: readonly Property[] = [
  ...cases.map(({ id, title, scope, waits = false, faults: faultsOf }) =>
    property({
      id,
      title,
      needs: ["write"],
      wants: ["proxy"],
      waits,
      async run(context) {
        for (const fault of faultsOf(timeoutOf(context))) await tryAll(context, fault, scope);
      },
    }),
  ),

  property({
    id: "faults/slow-but-in-time",
    title: "A server that is slow, but answers before the deadline, is none the worse.",
    needs: ["write"],
    wants: ["proxy"],
    waits: true,
    async run(context) {
      await Promise.all(
        trialsOf(context, true).map(async (trial) => {
          const { proxy, records, control } = await sceneOf(context);
          const entry = await records.getEntry("there", PATIENT);
          await proxy.inject({ type: "delay", milliseconds: 20 });
          trial.answers(await call(records, trial.method, ...trial.args({ revision: entry?.revision }), PATIENT));
          if (trial.writes) await checkWrite(control, trial.writes, undefined, `${trial.method} on a slow connection`);
        }),
      );
    },
  }),
];
