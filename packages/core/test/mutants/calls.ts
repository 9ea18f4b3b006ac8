/** Faults in deadlines, cancellation, closing, errors and capabilities. */
import type { Socket } from "node:net";
import { type Call, type Driver, forward, type StoredRecord } from "../../src/driver/index.ts";
import {
  BackendError,
  createStore,
  InvalidNameError,
  KeyValueError,
  UnsupportedOperationError,
} from "../../src/index.ts";
import { LineDriver } from "../support/line-driver.ts";
import { type Data, MapDriver } from "../support/map-driver.ts";
import { client, later, type Mutant, made, mapTarget, remote, replacing, store } from "./mutant.ts";

const READS = ["get", "has", "getMany", "getEntry", "getEntries"];
const WRITES = [
  "put",
  "putMany",
  "delete",
  "deleteMany",
  "putIfAbsent",
  "take",
  "compareAndSwap",
  "compareAndDelete",
  "increment",
  "touch",
  "update",
];
const LISTS = ["keys", "entries", "collections"];
const SWEEPS = ["clear", "clearAll", "cull"];
const ALL = [...READS, ...WRITES, ...LISTS, ...SWEEPS, "ping"];

type Make = Parameters<typeof replacing>[0][string];
const each = (methods: readonly string[], make: Make) =>
  replacing(Object.fromEntries(methods.map((name) => [name, make])));

/** The arguments with something done to the options among them, which come last. */
function withOptions(given: readonly unknown[], change: (options: object) => object): unknown[] {
  return given.map((one) =>
    typeof one === "object" && one !== null && ("timeout" in one || "signal" in one) ? change(one) : one,
  );
}

/** What a rejection becomes. */
const failing = (methods: readonly string[], change: (error: KeyValueError) => unknown) =>
  each(methods, (original) => async (...given) => {
    try {
      return await original(...given);
    } catch (error) {
      throw error instanceof KeyValueError ? change(error) : error;
    }
  });

/** A store that does not claim a capability, and whose methods for it do something quietly. */
function claimless(
  fault: string,
  property: string,
  capability: "write" | "atomic" | "enumerate" | "clear",
  methods: readonly string[],
  quiet: () => unknown,
): Mutant {
  const data: Data = new Map();
  return {
    fault,
    caughtBy: [property],
    target: () =>
      mapTarget((options) => {
        const inner = new MapDriver(data);
        const capabilities = Object.freeze({ ...inner.capabilities, [capability]: false });
        return each(methods, () => quiet)(createStore(forward(inner, { capabilities }), options));
      }),
  };
}

async function* nothing(): AsyncGenerator<never> {}

/** A store whose factory changes the options that it is given. */
function opening(fault: string, caughtBy: readonly string[], change: (options: object) => object): Mutant {
  const data: Data = new Map();
  return { fault, caughtBy, target: () => mapTarget((options) => createStore(new MapDriver(data), change(options))) };
}

export const calls: readonly Mutant[] = [
  opening("there is no default timeout", ["deadlines/default-timeout"], (options) => ({
    timeout: 2 ** 31 - 1,
    ...options,
  })),
  opening("the store's timeout is not passed on", ["deadlines/timeout-of-the-store"], () => ({})),
  opening("the store's timeout is fifty times what was asked for", ["deadlines/timeout-of-the-store"], (options) =>
    "timeout" in options ? { ...options, timeout: 50 * Number(options.timeout) } : options,
  ),
  store(
    "the timeout of a call is ignored",
    ["deadlines/timeout-of-a-call"],
    each(
      ALL,
      (original) =>
        (...given) =>
          original(...withOptions(given, (options) => ({ ...options, timeout: undefined }))),
    ),
  ),
  store(
    "the timeout of one operation is ignored",
    ["deadlines/timeout-of-a-call"],
    each(
      ["touch"],
      (original) =>
        (...given) =>
          original(...withOptions(given, (options) => ({ ...options, timeout: undefined }))),
    ),
  ),
  store(
    "calls end at half their timeout",
    ["deadlines/timeout-of-a-call"],
    each(
      ALL,
      (original) =>
        (...given) =>
          original(
            ...withOptions(given, (options) =>
              "timeout" in options && typeof options.timeout === "number"
                ? { ...options, timeout: options.timeout / 2 }
                : options,
            ),
          ),
    ),
  ),
  store("no call may take longer than the store's timeout", ["deadlines/longer-than-the-store"], (given) => {
    const limit = given.with({ name: "limit", needs: [], withdraws: [], apply: (inner) => inner });
    return each(["get"], (original) => (key, options) => {
      const answer = original(key, options) as Promise<unknown>;
      const late = new Promise((_, reject) => setTimeout(() => reject(new BackendError("too long")), 250).unref());
      return Promise.race([answer, late]);
    })(limit);
  }),
  store(
    "a signal is ignored",
    ["deadlines/aborted-before", "deadlines/aborted-meanwhile"],
    each(
      ALL,
      (original) =>
        (...given) =>
          original(...withOptions(given, (options) => ({ ...options, signal: undefined }))),
    ),
  ),
  store(
    "a signal is looked at only before the call",
    ["deadlines/aborted-meanwhile"],
    each(
      ALL,
      (original) =>
        (...given) =>
          original(
            ...withOptions(given, (options) =>
              "signal" in options && options.signal instanceof AbortSignal && !options.signal.aborted
                ? { ...options, signal: undefined }
                : options,
            ),
          ),
    ),
  ),
  store(
    "the reason of an abort is lost",
    ["deadlines/aborted-before", "deadlines/aborted-meanwhile"],
    failing([...READS, ...WRITES, ...SWEEPS], (error) => {
      if (error.code === "ABORTED") Object.defineProperty(error, "cause", { value: undefined });
      return error;
    }),
  ),
  remote(
    "a call leaves its listener on the signal",
    ["deadlines/signal-without-abort"],
    each(["get"], (original) => (key, options) => {
      const signal: unknown =
        typeof options === "object" && options !== null ? Reflect.get(options, "signal") : undefined;
      if (signal instanceof AbortSignal) signal.addEventListener("abort", () => {});
      return original(key, options);
    }),
  ),
  store(
    "what fails after the deadline is left unhandled",
    ["deadlines/late-answers"],
    each(["get"], (original) => (key, options) => {
      setTimeout(() => void Promise.reject(new Error("nobody listens")), 10);
      return original(key, options);
    }),
  ),
  store(
    "the timeout of an enumeration bounds the loop",
    ["deadlines/timeout-of-an-enumeration"],
    each(
      ["keys"],
      (original) =>
        async function* (options) {
          const timeout: unknown =
            typeof options === "object" && options !== null ? Reflect.get(options, "timeout") : undefined;
          const end = performance.now() + (typeof timeout === "number" ? timeout : 5000);
          for await (const key of original(options) as AsyncIterable<unknown>) {
            if (performance.now() > end) throw new BackendError("too long");
            yield key;
          }
        },
    ),
  ),
  store(
    "the signal of an enumeration bounds only its first page",
    ["deadlines/signal-of-an-enumeration"],
    each(
      ["keys", "entries"],
      (original) =>
        async function* (options) {
          yield* original(
            typeof options === "object" ? { ...options, signal: undefined } : options,
          ) as AsyncIterable<unknown>;
        },
    ),
  ),

  client(
    "a connection is made at once",
    ["lifecycle/nothing-connects-before-the-first-operation", "lifecycle/closed-unused"],
    class extends LineDriver {
      constructor(address: ConstructorParameters<typeof LineDriver>[0]) {
        super(address);
        const now = {
          operation: "open",
          signal: new AbortController().signal,
          deadline: Infinity,
          ended: false,
          markSent() {},
        };
        void this.open(now).catch(() => {});
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
    "a bad key throws instead of rejecting",
    ["names/invalid-keys-are-refused", "errors/never-thrown"],
    each(["get"], (original) => (key, ...rest) => {
      if (typeof key !== "string") throw new InvalidNameError("a key must be a string");
      return original(key, ...rest);
    }),
  ),
  store(
    "a bad timeout is taken for none",
    ["errors/bad-timeout"],
    each(
      ALL,
      (original) =>
        (...given) =>
          original(
            ...withOptions(given, (options) =>
              "timeout" in options && typeof options.timeout === "number" && options.timeout > 0
                ? options
                : { ...options, timeout: undefined },
            ),
          ),
    ),
  ),
  store(
    "a revision that is none is compared all the same",
    ["errors/bad-atomic-arguments"],
    each(
      ["compareAndSwap"],
      (original) =>
        async (key, revision, ...rest) =>
          typeof revision === "string" ? original(key, revision, ...rest) : undefined,
    ),
  ),
  store(
    "the cause of an error is lost",
    ["errors/backend-errors"],
    failing(
      ALL.filter((one) => !LISTS.includes(one)),
      (error) => {
        Object.defineProperty(error, "cause", { value: undefined });
        return error;
      },
    ),
  ),
  store(
    "errors do not say which operation failed",
    ["errors/refused-writes-change-nothing", "deadlines/timeout-of-a-call"],
    failing(WRITES, (error) => {
      delete error.operation;
      return error;
    }),
  ),
  store(
    "failed writes do not say what became of them",
    ["errors/refused-writes-change-nothing", "deadlines/timeout-of-a-call"],
    failing(WRITES, (error) => {
      delete error.outcome;
      return error;
    }),
  ),
  store(
    "failed reads speak of an outcome",
    ["deadlines/timeout-of-a-call"],
    failing(READS, (error) => Object.assign(error, { outcome: "unknown" })),
  ),
  store(
    "a timeout is not worth another try",
    ["deadlines/timeout-of-a-call"],
    failing(
      ALL.filter((one) => !LISTS.includes(one)),
      (error) => Object.defineProperty(error, "retryable", { value: false }),
    ),
  ),
  store(
    "a refused value is worth another try",
    ["errors/refused-writes-change-nothing"],
    failing(["put"], (error) => Object.defineProperty(error, "retryable", { value: true })),
  ),
  store(
    "messages hold the value",
    ["errors/no-secrets"],
    each(["put"], (original) => async (key, value, ...rest) => {
      try {
        return await original(key, value, ...rest);
      } catch (error) {
        if (error instanceof Error) error.message += `, in ${JSON.stringify(value)}`;
        throw error;
      }
    }),
  ),
  store(
    "messages hold the key",
    ["errors/no-secrets"],
    failing(["increment"], (error) => Object.assign(error, { message: `${error.message}: ${error.key}` })),
  ),

  made("the capabilities may be changed", ["capabilities/are-frozen-data"], (data): Driver => {
    const inner = new MapDriver(data);
    return forward(inner, { capabilities: { ...inner.capabilities } });
  }),
  made("what it stores is not as durable as it says", ["capabilities/durable"], (data): Driver => {
    const inner = new MapDriver(data);
    return forward(inner, {
      put: (id, record) => {
        inner.store(id, record);
        const records = data.get(id.collection);
        const [oldest] = records?.keys() ?? [];
        if (records && oldest !== undefined && records.size > 1000) records.delete(oldest);
      },
    });
  }),
  claimless(
    "what cannot write says nothing",
    "capabilities/without-write",
    "write",
    ["put", "putMany", "delete", "deleteMany"],
    async () => undefined,
  ),
  claimless(
    "what is not atomic says nothing",
    "capabilities/without-atomic",
    "atomic",
    ["take", "increment", "touch", "update", "putIfAbsent", "compareAndSwap", "compareAndDelete"],
    async () => undefined,
  ),
  claimless("what cannot enumerate gives nothing", "capabilities/without-enumerate", "enumerate", LISTS, nothing),
  claimless("what cannot clear clears nothing", "capabilities/without-clear", "clear", SWEEPS, async () => undefined),
  claimless("what cannot clear says so by another error", "capabilities/without-clear", "clear", SWEEPS, async () => {
    throw new Error(new UnsupportedOperationError("no").message);
  }),
  store(
    "ping does not reach the backend",
    ["lifecycle/closed-rejects"],
    each(["ping"], () => async () => {}),
  ),
  store(
    "what a layer withdraws is there all the same",
    ["write", "atomic", "enumerate", "clear"].map((one) => `capabilities/${one}-withdrawn`),
    replacing({ with: (original) => (layer) => original({ ...(layer as object), apply: (inner: unknown) => inner }) }),
  ),
  store("can() is always true", ["capabilities/can"], (given) => {
    const inner = new MapDriver();
    const capabilities = Object.freeze({ ...inner.capabilities, atomic: false });
    return Object.assign(createStore(forward(inner, { capabilities })), {
      can: (..._: never[]): boolean => given !== undefined,
    });
  }),
  store(
    "ping fails where the backend can serve",
    ["capabilities/ping"],
    each(["ping"], () => async () => {
      throw new BackendError("no ping");
    }),
  ),
  store("a change that hangs keeps its key for ever", ["deadlines/a-hanging-change-frees-its-key"], (given) => {
    let changing = false;
    return replacing({
      update:
        (original) =>
        (key, change, ...rest) =>
          original(
            key,
            async (before: unknown) => {
              changing = true;
              const after = await (change as (value: unknown) => unknown)(before);
              changing = false;
              return after;
            },
            ...rest,
          ),
      increment:
        (original) =>
        async (...all) => {
          const sum = await original(...all);
          if (changing) throw new BackendError("the key is locked");
          return sum;
        },
    })(given);
  }),
  store("after a timeout nothing works any more", ["deadlines/a-timeout-breaks-nothing"], (given) => {
    let broken = false;
    return each(["put"], (original) => async (...all) => {
      if (broken) throw new BackendError("broken");
      try {
        return await original(...all);
      } catch (error) {
        broken = true;
        throw error;
      }
    })(given);
  }),
  store(
    "the digits of a duration are taken for less",
    ["deadlines/timeout-as-duration"],
    each(
      ALL,
      (original) =>
        (...given) =>
          original(
            ...withOptions(given, (options) =>
              "timeout" in options && typeof options.timeout === "string"
                ? { ...options, timeout: Number.parseFloat(options.timeout) / 10 }
                : options,
            ),
          ),
    ),
  ),
  store(
    "a prefix may be anything",
    ["errors/bad-prefix"],
    each(
      LISTS,
      (original) => (options) =>
        original(
          typeof options === "object" && options !== null && "prefix" in options ? { ...options, prefix: "" } : options,
        ),
    ),
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
