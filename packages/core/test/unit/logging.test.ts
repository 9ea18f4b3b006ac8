// Logging: one line for each exchange, what it says and what it never says, and loggers that do harm.

import { createStore, InvalidArgumentError, StoreUnavailableError } from "@kv/core";
import { around, type Driver, forward } from "@kv/core/driver";
import { type Logger, type LoggingOptions, type LogLevel, logging } from "@kv/core/wrappers";
import pino from "pino";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { rejection, settled } from "./held-driver.ts";

const all = { write: true, atomic: true, enumerate: true, clear: true, durable: true } as const;

class Lines implements Logger {
  readonly lines: [LogLevel, ...unknown[]][] = [];
  debug = (...given: unknown[]) => this.lines.push(["debug", ...given]);
  info = (...given: unknown[]) => this.lines.push(["info", ...given]);
  warn = (...given: unknown[]) => this.lines.push(["warn", ...given]);
  error = (...given: unknown[]) => this.lines.push(["error", ...given]);

  /** The lines without their durations. */
  get texts(): string[] {
    return this.lines.map(([level, text]) => `${level} ${String(text).replace(/ duration=[\d.]+/, "")}`);
  }
}

function logged(options: Partial<LoggingOptions> = {}, driver: Driver = new CompleteDriver()) {
  const logger = new Lines();
  const outer = forward(driver, {});
  return { logger, store: createStore({ ...outer, capabilities: all }).with(logging({ logger, ...options })) };
}

afterEach(() => void vi.restoreAllMocks());

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
it.each<[string, unknown]>([
  ["no logger", {}],
  ["a logger without the methods", { logger: { warn() {}, error() {} } }],
  ["a logger that is none", { logger: "console" }],
  ["an unknown level", { logger: quiet, level: "loud" }],
  ["a sample above 1", { logger: quiet, sample: 5 }],
  ["a sample that is no number", { logger: quiet, sample: "1%" }],
  ["a negative time", { logger: quiet, slowerThan: -1 }],
])("is refused of %s", (_, options) => {
  expect(() => logging(options as LoggingOptions)).toThrow(InvalidArgumentError);
});

describe("a line", () => {
  it("is one for each exchange, with operation, collection, hit or miss, and duration", async () => {
    const inner = new CompleteDriver();
    const driver = forward(inner, { getMany: (ids) => ids.map((id) => inner.get(id)) });
    const { logger, store } = logged({}, driver);
    const users = store.collection("users");
    await users.put("ada", { secret: "s3cret" });
    await users.get("ada");
    await users.get("bob");
    await users.getMany(["ada", "bob", "eve"]);
    await users.increment("n");
    await users.delete("ada");
    await store.ping();
    expect(logger.texts).toEqual([
      'debug kv store=complete operation=put collection="users"',
      'debug kv store=complete operation=get collection="users" hit=true',
      'debug kv store=complete operation=get collection="users" hit=false',
      'debug kv store=complete operation=getMany collection="users" size=3 hit=1',
      'debug kv store=complete operation=get collection="users" hit=false',
      'debug kv store=complete operation=swap collection="users"',
      'debug kv store=complete operation=delete collection="users" hit=true',
    ]);
    expect(logger.lines[0]?.[1]).toMatch(/ duration=\d+(\.\d+)?$/);
  });

  it("never has values, in whatever way it ends (Python's always has, its option notwithstanding), nor keys unless asked for", async () => {
    const inner = new CompleteDriver();
    const driver = around(
      forward(inner, { getMany: (ids) => ids.map(() => new StoreUnavailableError("s3cret-message")) }),
      ({ id }, call, exchange) => {
        if (id?.key === "s3cret-fails") throw new Error("s3cret-cause");
        return exchange(call);
      },
    );
    const { logger, store } = logged({}, driver);
    await store.put("s3cret-key", { secret: "s3cret-value" });
    await store.get("s3cret-key");
    await rejection(store.get("s3cret-fails"));
    await rejection(store.getMany(["s3cret-a", "s3cret-b"]));
    for await (const _ of store.collection().entries({ prefix: "s3cret" }));
    expect(logger.lines).toHaveLength(5);
    expect(JSON.stringify(logger.lines)).not.toContain("s3cret");
    const asked = logged({ keys: true }, driver);
    await asked.store.put("s3cret-key", { secret: "s3cret-value" });
    await rejection(asked.store.getMany(["a", "b"]));
    expect(asked.logger.texts[0]).toContain('key="s3cret-key"');
    expect(asked.logger.texts[1]).toContain('size=2 keys=["a","b"]');
    expect(JSON.stringify(asked.logger.lines)).not.toContain("s3cret-value");
  });

  it("of what fails is an error, with code and outcome; a caller that gives up is none", async () => {
    const driver = forward(new CompleteDriver(), {
      put: () => Promise.reject(new StoreUnavailableError("down", { outcome: "not-applied" })),
      get: () => new Promise<never>(() => {}),
      getMany: (ids) => ids.map((_, at) => (at === 1 ? new StoreUnavailableError("down") : undefined)),
    });
    const { logger, store } = logged({}, driver);
    await rejection(store.put("a", 1));
    await rejection(store.get("a", { timeout: 5 }));
    await rejection(store.getMany(["a", "b", "c"]));
    const controller = new AbortController();
    const ended = rejection(store.get("a", { signal: controller.signal }));
    controller.abort();
    await ended;
    expect(logger.texts).toEqual([
      'error kv store=complete operation=put collection="default_collection" error=UNAVAILABLE outcome=not-applied',
      'error kv store=complete operation=get collection="default_collection" error=TIMEOUT',
      'error kv store=complete operation=getMany collection="default_collection" size=3 hit=0 error=UNAVAILABLE failed=1',
      'debug kv store=complete operation=get collection="default_collection" error=ABORTED',
    ]);
  });

  it("stays one line whatever the names are, and of a bounded length", async () => {
    const { logger, store } = logged({ keys: true });
    const names = [
      "a\nkv operation=clear",
      "\u001b[2J",
      "\u2028\u2029",
      "\u202egnp.exe",
      "\u0085\u009b",
      `x${"𝒳".repeat(5000)}`,
    ];
    for (const name of names) await store.collection(name).get(name);
    for (const [, text] of logger.lines) {
      expect(text).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e]/u);
      expect(String(text).isWellFormed()).toBe(true);
      expect(String(text).length).toBeLessThan(600);
    }
    expect(logger.lines).toHaveLength(names.length);
  });

  it("is an object first for a pino logger", async () => {
    const written: string[] = [];
    const logger = pino({ level: "debug" }, { write: (line: string) => written.push(line) });
    const store = createStore(new CompleteDriver()).with(logging({ logger, keys: true }));
    await store.get("ada");
    expect(written).toHaveLength(1);
    expect(JSON.parse(written[0] ?? "")).toMatchObject({
      level: 20,
      msg: "kv get",
      kv: { store: "complete", operation: "get", collection: "default_collection", key: "ada", hit: false },
    });
    const child = logger.child({ part: "cache" });
    await createStore(new CompleteDriver())
      .with(logging({ logger: child, level: "info" }))
      .get("ada");
    expect(JSON.parse(written[1] ?? "")).toMatchObject({
      level: 30,
      part: "cache",
      kv: { duration: expect.any(Number) },
    });
  });

  it("goes to the console as it is", async () => {
    const info = vi.spyOn(console, "info").mockImplementation(() => {});
    await createStore(new CompleteDriver())
      .with(logging({ logger: console, level: "info" }))
      .get("ada");
    expect(info.mock.calls).toEqual([[expect.stringMatching(/^kv store=complete operation=get /)]]);
  });
});

describe("sampling", () => {
  const slow = around(new CompleteDriver(), async ({ id }, call, exchange) => {
    if (id?.key === "slow") await new Promise((resolve) => setTimeout(resolve, 60));
    if (id?.key === "fails") throw new StoreUnavailableError("down");
    return exchange(call);
  });

  it("keeps the slow and the failed ones, which a threshold alone asks for", async () => {
    for (const options of [{ slowerThan: 50 }, { slowerThan: "50ms", sample: 0 }]) {
      const { logger, store } = logged(options, slow);
      for (const key of ["a", "slow", "b"]) await store.get(key);
      await rejection(store.get("fails"));
      // What a busy machine has made slow is slow.
      const lines = logger.texts.filter((text) => !text.startsWith("warn"));
      expect(lines).toEqual([
        'error kv store=complete operation=get collection="default_collection" error=UNAVAILABLE',
      ]);
      expect(logger.texts).toContain(
        'warn kv store=complete operation=get collection="default_collection" hit=false slow=true',
      );
    }
  });

  it("takes its share of the others", async () => {
    const random = vi.spyOn(Math, "random");
    const { logger, store } = logged({ sample: 0.1 });
    for (const value of [0, 0.05, 0.0999, 0.1, 0.5, 0.999]) {
      random.mockReturnValue(value);
      await store.get("a");
    }
    expect(logger.lines).toHaveLength(3);
    const everything = logged({ slowerThan: "1h", sample: 1 });
    for (let index = 0; index < 5; index++) await everything.store.get("a");
    expect(everything.logger.lines).toHaveLength(5);
  });
});

it("a logger that throws, or rejects, harms nothing", async () => {
  for (const method of [
    () => {
      throw new Error("the disk is full");
    },
    () => Promise.reject(new Error("the disk is full")),
  ]) {
    const logger = { debug: method, info: method, warn: method, error: method };
    const store = createStore(new CompleteDriver()).with(logging({ logger }));
    await store.put("a", 1);
    expect(await store.get("a")).toBe(1);
    await settled();
  }
});
