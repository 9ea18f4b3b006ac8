/** Chapter "get-or-set": a factory under way when its store is closed, or when another store misses the same value. */
import { deepEqual, equal } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { underWay } from "../../support.ts";
import { gate, openedBy, patient, thrownBy } from "./waiting.ts";

const needs = ["write"] as const;

export const stores: readonly Property[] = [
  property({
    id: "get-or-set/close-waits",
    title: "close() waits for a factory under way, whose value is stored and given.",
    needs,
    async run({ open, unique, target }) {
      const store = await open();
      const name = unique();
      const begun = gate<void>();
      let answer: unknown;
      const asked = store
        .collection(name)
        .getOrSet(
          "a",
          async () => {
            begun.open();
            await new Promise((resolve) => setTimeout(resolve, 50));
            return "made";
          },
          patient,
        )
        .then((made) => {
          answer = made;
        });
      await openedBy(begun.opened, asked);
      await store.close();
      equal(answer, "made", "what the call had given when close() resolved");
      await asked;
      if (target.shared) equal(await (await open()).collection(name).get("a"), "made", "get in another store");
    },
  }),
  property({
    id: "get-or-set/one-call-among-instances",
    title: "Of two stores on the same data that both miss a value, one calls its factory; the other gets its value.",
    needs: ["write", "atomic"],
    wants: ["second"],
    async run({ store, open, unique }) {
      const name = unique();
      const other = (await open()).collection(name);
      const { opened, open: release } = gate<string>();
      const begun = gate<void>();
      let calls = 0;
      const make = () => {
        calls++;
        begun.open();
        return opened;
      };
      const first = store.collection(name).getOrSet("a", make, patient);
      await openedBy(begun.opened, first);
      const second = underWay(other.getOrSet("a", make, patient));
      await new Promise((resolve) => setTimeout(resolve, 100));
      equal(calls, 1, "calls of the factory while the first is under way");
      release("made");
      deepEqual(await Promise.all([first, second]), ["made", "made"], "what both get");
      equal(calls, 1, "calls of the factory at last");
    },
  }),
  property({
    id: "get-or-set/a-dead-instance-is-replaced",
    title: "A store whose factory never ends is waited for only so long: the other then calls its own.",
    needs: ["write", "atomic"],
    wants: ["second"],
    waits: true,
    async run({ store, open, unique, settings }) {
      const name = unique();
      const other = (await open()).collection(name);
      const begun = gate<void>();
      const ended = new AbortController();
      const hangs = (): Promise<string> => {
        begun.open();
        return new Promise(() => {});
      };
      const first = underWay(store.collection(name).getOrSet("a", hangs, { ...patient, signal: ended.signal }));
      await openedBy(begun.opened, first);
      const timeout = 2000 * Math.max(1, settings.timeScale);
      try {
        equal(await other.getOrSet("a", () => "mine", { timeout }), "mine", "getOrSet of the other");
      } finally {
        // Else closing the store waits for it.
        ended.abort();
      }
      await thrownBy(() => first, "getOrSet that is aborted");
    },
  }),
];
