/** Chapter "get-or-set": callers that leave before the value is made. */
import { AbortedError } from "../../../errors.ts";
import { equal, rejects } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { underWay } from "../../support.ts";
import { quietly } from "../../unhandled.ts";
import { eventually, gate, openedBy, patient } from "./waiting.ts";

const needs = ["write"] as const;

export const aborting: readonly Property[] = [
  property({
    id: "get-or-set/an-aborted-caller-leaves-alone",
    title:
      "A caller that is aborted does not abort the others; the factory's signal is aborted when the last one leaves.",
    needs,
    async run({ collection }) {
      const c = collection();
      const first = new AbortController();
      const second = new AbortController();
      const { opened, open } = gate<string>();
      const begun = gate<void>();
      let signal: AbortSignal | undefined;
      const make = (context: { readonly signal: AbortSignal }) => {
        signal = context.signal;
        begun.open();
        return opened;
      };
      await quietly(async () => {
        const leaving = rejects(
          () => c.getOrSet("a", make, { ...patient, signal: first.signal }),
          AbortedError,
          "getOrSet that is aborted",
          { operation: "getOrSet", key: "a" },
        );
        await openedBy(begun.opened, leaving);
        const staying = underWay(c.getOrSet("a", make, patient));
        // Until the second one has read that there is nothing, and waits as well.
        await new Promise((resolve) => setTimeout(resolve, 50));
        first.abort();
        await leaving;
        equal(signal?.aborted, false, "the factory's signal, while one caller waits");
        open("made");
        equal(await staying, "made", "what the other caller gets");

        const never = new Promise<string>(() => {});
        const alone = gate<AbortSignal>();
        const last = rejects(
          () =>
            c.getOrSet(
              "b",
              (context) => {
                alone.open(context.signal);
                return never;
              },
              { ...patient, signal: second.signal },
            ),
          AbortedError,
          "the only getOrSet, aborted",
        );
        const its = await openedBy(alone.opened, last);
        second.abort();
        await last;
        await eventually(() => its.aborted, "the factory's signal is aborted");
      });
      equal(await c.getOrSet("b", () => "anew", patient), "anew", "getOrSet after the aborted one");
    },
  }),
];
