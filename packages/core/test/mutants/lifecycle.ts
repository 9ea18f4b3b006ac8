/** Faults in connecting and closing. */
import type { Socket } from "node:net";
import type { Call, StoredRecord } from "../../src/driver/index.ts";
import { LineDriver } from "../support/line-driver.ts";
import { uncancelled } from "../support/uncancelled.ts";
import { each } from "./methods.ts";
import { client, later, type Mutant, remote, store } from "./mutant.ts";

export const lifecycle: readonly Mutant[] = [
  client(
    "a connection is made at once",
    ["lifecycle/nothing-connects-before-the-first-operation", "lifecycle/closed-unused"],
    class extends LineDriver {
      constructor(address: ConstructorParameters<typeof LineDriver>[0]) {
        super(address);
        void this.open(uncancelled("open")).catch(() => {});
      }
    },
  ),
  client(
    "what is put before the connection is up is dropped",
    ["lifecycle/calls-before-the-connection", "lifecycle/calls-before-a-slow-connection"],
    class extends LineDriver {
      #opening: Promise<void> | undefined;
      override get ready(): boolean {
        return this.#opening !== undefined;
      }
      override async open(ongoing: Call): Promise<void> {
        this.#opening = super.open(ongoing);
      }
      override async put(...all: Parameters<LineDriver["put"]>): Promise<void> {
        if (super.ready) await super.put(...all);
      }
      override async get(...all: Parameters<LineDriver["get"]>): Promise<StoredRecord | undefined> {
        await this.#opening;
        return super.get(...all);
      }
    },
  ),
  client(
    "close leaves the connection open",
    ["lifecycle/close-leaves-no-connection"],
    class extends LineDriver {
      override close(): void {}
    },
  ),
  client(
    "stores share a connection, and the first that closes takes it",
    ["lifecycle/other-stores-stay-open"],
    sharing(),
  ),
  remote(
    "close does not wait for what is in flight",
    ["lifecycle/close-lets-calls-settle", "lifecycle/close-while-opening"],
    each(["close"], (original) => async () => {
      void original();
    }),
  ),
  client(
    "close cuts off what is in flight",
    ["lifecycle/close-lets-calls-settle"],
    class extends LineDriver {
      override async put(...all: Parameters<LineDriver["put"]>): Promise<void> {
        const put = super.put(...all);
        this.socket?.destroy();
        return put;
      }
    },
  ),
  store("the second close is an error", ["lifecycle/close-twice", "lifecycle/close-unopened"], (given) => {
    let closed = false;
    return each(["close"], (original) => async () => {
      if (closed) throw new Error("closed already");
      closed = true;
      await original();
    })(given);
  }),
  store(
    "a closed store goes on working",
    ["lifecycle/closed-rejects"],
    each(["close"], () => async () => {}),
  ),
  store(
    "a batch of a closed store gives nothing instead of an error",
    ["lifecycle/closed-rejects"],
    each(
      ["getMany"],
      (original) =>
        (...given) =>
          (original(...given) as Promise<unknown>).catch(() => []),
    ),
  ),
  store("closing a layered store leaves the one inside open", ["lifecycle/closing-is-shared"], (given) => {
    const original = given.with;
    return Object.assign(given, {
      with: (...layers: Parameters<typeof original>) =>
        Object.assign(Reflect.apply(original, given, layers), { close: async () => {} }),
    });
  }),
  store("Symbol.asyncDispose does nothing", ["lifecycle/async-dispose"], (given) =>
    Object.assign(given, { [Symbol.asyncDispose]: async () => {} }),
  ),
  remote(
    "a loop that goes on after close ends as if it were complete",
    ["lifecycle/close-during-an-enumeration"],
    each(
      ["keys"],
      (original) =>
        async function* (...given) {
          try {
            yield* original(...given) as AsyncIterable<unknown>;
          } catch {
            // It ends.
          }
        },
    ),
  ),
  store(
    "ping does not reach the backend",
    ["lifecycle/closed-rejects"],
    each(["ping"], () => async () => {}),
  ),
  client(
    "a connection that did not come about cannot be closed",
    ["lifecycle/close-while-connecting-in-vain"],
    class extends LineDriver {
      #tried = false;
      override async open(ongoing: Call): Promise<void> {
        this.#tried = true;
        return super.open(ongoing);
      }
      override close(): void {
        if (this.#tried && !this.ready) throw new Error("not connected");
        super.close();
      }
    },
  ),
];

/** A driver whose instances have one connection together. */
function sharing() {
  let shared: Socket | undefined;
  return class extends LineDriver {
    override async open(ongoing: Call): Promise<void> {
      if (shared && !shared.destroyed) this.socket = shared;
      else await super.open(ongoing);
      shared = this.socket;
      await later();
    }
  };
}
