/** Faults that only a network with faults of its own can show. */
import { around, type Call, defineLayer, newRevision } from "../../src/driver/index.ts";
import { BackendError, createStore, KeyValueError, StoreUnavailableError } from "../../src/index.ts";
import { LineDriver } from "../support/line-driver.ts";
import type { LineRequest } from "../support/line-server.ts";
import { uncancelled } from "../support/uncancelled.ts";
import { failing } from "./methods.ts";
import { client, later, lineTarget, type Mutant, remote } from "./mutant.ts";

type Ask = [method: LineRequest["method"], parameters: readonly unknown[], call: Call];

/** A driver that does something about requests that fail. */
function asking(onError: (error: KeyValueError, again: () => Promise<unknown>, method: string) => unknown) {
  return class extends LineDriver {
    protected override async ask<T>(...all: Ask): Promise<T> {
      try {
        return await super.ask<T>(...all);
      } catch (error) {
        if (!(error instanceof KeyValueError)) throw error;
        const again = async () => {
          await this.open(all[2]);
          return super.ask<T>(...all);
        };
        return (await onError(error, again, all[0])) as T;
      }
    }
  };
}

/** Replies are taken in the order of the requests, whichever they answer. */
class InOrder extends LineDriver {
  protected override async ask<T>(
    method: LineRequest["method"],
    parameters: readonly unknown[],
    _call: Call,
  ): Promise<T> {
    const { socket } = this;
    if (!socket || socket.destroyed) throw new StoreUnavailableError("not connected", { outcome: "not-applied" });
    const reply = new Promise<string>((resolve, reject) => {
      socket.once("data", (text: string) => resolve(text));
      socket.once("close", () => reject(new StoreUnavailableError("the connection broke")));
    });
    socket.write(`${JSON.stringify({ id: 0, method, parameters })}\n`);
    return JSON.parse(await reply).result as T;
  }
}

export const faults: readonly Mutant[] = [
  client(
    "a read that fails is a miss",
    ["faults/garbage", "faults/dropped"],
    class extends LineDriver {
      override async get(...all: Parameters<LineDriver["get"]>) {
        return super.get(...all).catch(() => undefined);
      }
    },
  ),
  client(
    "a write that fails says nothing",
    ["faults/reset"],
    class extends LineDriver {
      override get ready(): boolean {
        return true;
      }
      override async put(...all: Parameters<LineDriver["put"]>) {
        if (!super.ready) await super.open(all[2]).catch(() => {});
        return super.put(...all).catch(() => {});
      }
      override async get(...all: Parameters<LineDriver["get"]>) {
        if (!super.ready) await super.open(all[1]);
        return super.get(...all);
      }
    },
  ),
  client(
    "a list that fails is at its end",
    ["faults/enumeration", "faults/dropped"],
    asking((error, _, method) => {
      if (method !== "list") throw error;
      return { items: [] };
    }),
  ),
  client(
    "a write resolves when it is sent",
    ["faults/silent"],
    class extends LineDriver {
      override async put(...all: Parameters<LineDriver["put"]>) {
        void super.put(...all).catch(() => {});
      }
    },
  ),
  client(
    "what the connection lost is sent again",
    ["faults/lost-reply"],
    asking((_, again) => again()),
  ),
  client(
    "a write that was lost is said not to have been applied",
    ["faults/lost-reply"],
    asking((error) => {
      error.outcome = "not-applied";
      throw error;
    }),
  ),
  client(
    "a broken connection is not worth another try",
    ["faults/dropped", "faults/lost-reply", "faults/retry-reads"],
    asking((error) => {
      throw new BackendError(error.message, { cause: error });
    }),
  ),
  client(
    "a broken connection is told by an error that holds the request",
    ["faults/dropped"],
    class extends LineDriver {
      protected override async ask<T>(...all: Ask): Promise<T> {
        return super.ask<T>(...all).catch((cause: unknown) => {
          throw new StoreUnavailableError(`lost ${JSON.stringify(all[1])}`, { cause });
        });
      }
    },
  ),
  client(
    "a connection that broke is never replaced",
    ["faults/dropped"],
    class extends LineDriver {
      #opened = false;
      override get ready(): boolean {
        return this.#opened;
      }
      override async open(call: Call): Promise<void> {
        await super.open(call);
        this.#opened = true;
      }
    },
  ),
  client(
    "a server that was down once is taken to be down for ever",
    ["faults/down-at-first"],
    class extends LineDriver {
      #failed: unknown;
      override async open(call: Call): Promise<void> {
        if (this.#failed !== undefined) throw this.#failed;
        try {
          await super.open(call);
        } catch (error) {
          this.#failed = error;
          throw error;
        }
      }
    },
  ),
  client(
    "a connection is kept on which nothing comes any more",
    ["faults/dead-connection"],
    class extends LineDriver {
      protected override async ask<T>(...[method, parameters, call]: Ask): Promise<T> {
        const patient = uncancelled(call.operation, call.deadline);
        return super.ask<T>(method, parameters, patient);
      }
    },
  ),
  client("a late reply is taken for that of the next request", ["faults/too-slow"], InOrder),
  client(
    "a reply that breaks off is taken for an empty one",
    ["faults/cut-in-mid-reply"],
    asking((error, _, method) => {
      if (method !== "get" || error.code !== "UNAVAILABLE" || error.outcome !== undefined) throw error;
      return undefined;
    }),
  ),
  client(
    "garbage is taken for an empty reply",
    ["faults/garbage"],
    class extends LineDriver {
      protected override async ask<T>(...all: Ask): Promise<T> {
        const { socket } = this;
        let garbled = false;
        const look = (text: string) => {
          garbled ||= text.startsWith("\0");
        };
        socket?.prependListener("data", look);
        try {
          return await super.ask<T>(...all);
        } catch (error) {
          if (garbled) return undefined as T;
          throw error;
        } finally {
          socket?.off("data", look);
        }
      }
    },
  ),
  client(
    "a connection that breaks leaves a rejection unhandled",
    ["faults/dropped", "faults/dropped-in-flight"],
    class extends LineDriver {
      override async open(call: Call): Promise<void> {
        await super.open(call);
        this.socket?.on("close", () => void Promise.reject(new Error("nobody listens")));
      }
    },
  ),
  client(
    "a silent server is waited for without end, and everybody behind it",
    ["faults/dead-connection"],
    class extends LineDriver {
      #last: Promise<unknown> = Promise.resolve();
      protected override ask<T>(...[method, parameters, call]: Ask): Promise<T> {
        const patient = uncancelled(call.operation, call.deadline);
        const turn = this.#last.catch(() => {}).then(() => super.ask<T>(method, parameters, patient));
        this.#last = turn;
        return turn;
      }
      override close(): void {
        this.socket?.destroy();
      }
    },
  ),
  {
    fault: "a wrapper repeats whatever failed",
    caughtBy: ["faults/lost-reply"],
    target: (server) =>
      lineTarget(server, (address, options) =>
        createStore(new LineDriver(address), options).with(
          defineLayer("again", (inner) =>
            around(inner, async (_, call, exchange) => {
              try {
                return await exchange(call);
              } catch {
                return exchange(call);
              }
            }),
          ),
        ),
      ),
  },
  client(
    "a server that refuses is told by an error that is not worth another try",
    ["faults/refused", "faults/down-at-first"],
    class extends LineDriver {
      override async open(call: Call): Promise<void> {
        return super.open(call).catch((cause: unknown) => {
          throw new BackendError("cannot connect", { cause });
        });
      }
    },
  ),
  remote(
    "a write that ran into its deadline is said not to have been applied",
    ["faults/lost-reply-then-silence"],
    failing(["put"], (error) => Object.assign(error, { outcome: "not-applied" })),
  ),
  client(
    "the server makes up revisions of its own",
    ["faults/retry-settles-a-lost-reply"],
    class extends LineDriver {
      override async swap(...[id, expected, next, call]: Parameters<LineDriver["swap"]>) {
        return super.swap(id, expected, next && { ...next, revision: newRevision() }, call);
      }
    },
  ),
  client(
    "the client gives up before the deadline",
    ["faults/slow-but-in-time"],
    class extends LineDriver {
      protected override async ask<T>(...all: Ask): Promise<T> {
        const tired = later(25).then(() => Promise.reject(new StoreUnavailableError("too slow")));
        const answer = super.ask<T>(...all);
        return Promise.race([answer, tired]);
      }
    },
  ),
  client(
    "what could not be sent is kept, and sent to the next server",
    ["outages/killed"],
    class extends LineDriver {
      override get ready(): boolean {
        return true;
      }
      protected override async ask<T>(...all: Ask): Promise<T> {
        while (!super.ready) await this.open({ ...all[2], signal: new AbortController().signal }).catch(() => later(5));
        return super.ask<T>(...all);
      }
    },
  ),
  client(
    "who has lost the connection waits before looking for another one",
    ["outages/restarted"],
    class extends LineDriver {
      #lost = Number.NEGATIVE_INFINITY;
      override async open(call: Call): Promise<void> {
        if (performance.now() < this.#lost + 3000) throw new StoreUnavailableError("not yet");
        await super.open(call);
        this.socket?.once("close", () => {
          this.#lost = performance.now();
        });
      }
    },
  ),
  remote(
    "a server that stands still is said to have done nothing",
    ["outages/paused"],
    failing(["put"], (error) => Object.assign(error, { outcome: "not-applied" })),
  ),
  client(
    "a read that fails in an outage is a miss",
    ["outages/soak"],
    class extends LineDriver {
      override async get(...all: Parameters<LineDriver["get"]>) {
        return super.get(...all).catch(() => undefined);
      }
    },
  ),
];
