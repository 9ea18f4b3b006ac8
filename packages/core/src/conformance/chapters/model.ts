/** Chapter "model": whatever is done in whatever order, the store answers as the reference model does. */
import type { Arbitrary } from "fast-check";
import type { Capability } from "../../capabilities.ts";
import { InvalidCounterError } from "../../errors.ts";
import type { JsonValue } from "../../json.ts";
import type { KeyValueStore } from "../../store.ts";
import { ConformanceError, deepEqual, describeError, equal, ok } from "../assertions.ts";
import { type Command, formatCommand, NOT_A_NUMBER, type Place, ReferenceModel } from "../model.ts";
import { type Property, property } from "../property.ts";
import { call, until } from "../support.ts";

type FastCheck = typeof import("fast-check");

/** Sequences that run beside each other, since some of them wait. */
const LANES = 16;

/** What the names of a sequence's collections end with, after what is unique to it. */
const COLLECTIONS = ["", "::a"];
/** Small, so that commands meet; with names that lie one inside another. */
const KEYS = ["a", "ab", "::a", "__proto__"];
const VALUES: readonly JsonValue[] = [
  0,
  1,
  -2.5,
  "",
  "1",
  null,
  false,
  true,
  [],
  {},
  { items: [1] },
  { a: { b: [null] } },
];

/** Commands that this store can do. `ttl`, in milliseconds, is short enough to be waited for. */
function commands(fc: FastCheck, store: KeyValueStore<never>, ttl: number): Arbitrary<Command> {
  const collection = fc.constantFrom(...COLLECTIONS);
  const key = fc.constantFrom(...KEYS);
  // Half of all on one record.
  const at = fc.oneof(fc.constant({ collection: "", key: "a" }), fc.record({ collection, key }));
  const value = fc.constantFrom(...VALUES);
  // One in eight expires while the sequence runs, if it waits for it.
  const expiry = fc.constantFrom(undefined, undefined, undefined, undefined, undefined, undefined, 3_600_000, ttl);
  const stale = fc.boolean();
  const keys = fc.array(key, { maxLength: 6 });
  const prefix = fc.constantFrom("", "a", ":", "a*");
  const entry = fc.record({ key, value, ttl: expiry });

  const all: { readonly needs?: Capability; readonly weight?: number; readonly arbitrary: Arbitrary<Command> }[] = [
    { weight: 3, arbitrary: fc.record({ op: fc.constantFrom("get", "has", "getEntry"), at }) },
    { arbitrary: fc.record({ op: fc.constant("getMany"), collection, keys }) },
    { needs: "write", weight: 4, arbitrary: fc.record({ op: fc.constant("put"), at, value, ttl: expiry }) },
    { needs: "write", weight: 2, arbitrary: fc.record({ op: fc.constant("delete"), at }) },
    { needs: "write", arbitrary: fc.record({ op: fc.constant("deleteMany"), collection, keys }) },
    {
      needs: "write",
      weight: 2,
      arbitrary: fc.record({ op: fc.constant("putMany"), collection, entries: fc.array(entry, { maxLength: 6 }) }),
    },
    { needs: "write", arbitrary: fc.record({ op: fc.constant("wait") }) },
    { needs: "atomic", arbitrary: fc.record({ op: fc.constant("putIfAbsent"), at, value, ttl: expiry }) },
    { needs: "atomic", arbitrary: fc.record({ op: fc.constant("take"), at }) },
    {
      needs: "atomic",
      weight: 2,
      arbitrary: fc.record({ op: fc.constant("compareAndSwap"), at, stale, value, ttl: expiry }),
    },
    { needs: "atomic", arbitrary: fc.record({ op: fc.constant("compareAndDelete"), at, stale }) },
    {
      needs: "atomic",
      weight: 2,
      arbitrary: fc.record({ op: fc.constant("increment"), at, by: fc.constantFrom(1, -1, 0.5), ttl: expiry }),
    },
    {
      needs: "atomic",
      arbitrary: fc.record({ op: fc.constant("touch"), at, ttl: fc.constantFrom(null, 3_600_000, ttl) }),
    },
    {
      needs: "atomic",
      arbitrary: fc.record({
        op: fc.constant("update"),
        at,
        value: fc.option(value, { nil: undefined }),
        ttl: fc.oneof(expiry, fc.constant("keep")),
      }),
    },
    {
      needs: "enumerate",
      weight: 2,
      arbitrary: fc.record({ op: fc.constantFrom("keys", "entries"), collection, prefix }),
    },
    { needs: "enumerate", arbitrary: fc.record({ op: fc.constant("collections") }) },
    { needs: "clear", arbitrary: fc.record({ op: fc.constant("clear"), collection }) },
    { needs: "clear", arbitrary: fc.record({ op: fc.constant("cull") }) },
  ];
  const able = all.filter(({ needs }) => needs === undefined || store.capabilities[needs]);
  return fc.oneof(...able.map(({ weight = 1, arbitrary }) => ({ weight, arbitrary })));
}

/** One sequence: the store and the model side by side. */
class Run {
  /** What was done so far, as a program. */
  readonly script: string[] = [];
  readonly #store: KeyValueStore<never>;
  readonly #prefix: string;
  readonly #ttl: number;
  readonly #model = new ReferenceModel();
  /** The revisions that were seen, by the model's versions; and those of one place, the latest last. */
  readonly #revisions = new Map<number, unknown>();
  readonly #seen = new Map<string, unknown[]>();

  constructor(store: KeyValueStore<never>, prefix: string, ttl: number) {
    this.#store = store;
    this.#prefix = prefix;
    this.#ttl = ttl;
  }

  /** False where the machine was too slow to tell whether a record had expired: then the sequence says nothing more. */
  async step(command: Command): Promise<boolean> {
    const next = this.#model.nextExpiry;
    if (next && next.latest < Date.now() + 60_000) {
      // Nobody can tell what is to be answered while a record expires, so that moment is waited for.
      if (command.op === "wait" || Date.now() > next.earliest - this.#ttl / 2) await until(next.latest + 1);
    }
    this.script.push(formatCommand(command, COLLECTIONS));
    const before = Date.now();
    this.#model.expire(before);
    const answer = await this.#perform(command);
    const after = Date.now();
    const expiring = this.#model.nextExpiry;
    if (expiring && expiring.earliest <= after) return false;
    this.#compare(command, answer, this.#model.apply(command, { before, after }));
    return true;
  }

  async #perform(command: Command): Promise<unknown> {
    const { op } = command;
    if (op === "wait") return undefined;
    if (op === "cull") return call(this.#store, op);
    if (op === "collections") {
      const found = strings(await call(this.#store, op, { prefix: this.#prefix }));
      return found.map((name) => name.slice(this.#prefix.length)).sort();
    }
    const suffix = "at" in command ? command.at.collection : command.collection;
    const records = this.#store.collection(this.#prefix + suffix);
    switch (command.op) {
      case "getMany":
      case "deleteMany":
        return call(records, op, command.keys);
      case "putMany":
        return call(
          records,
          op,
          command.entries.map(({ key, value, ttl }) => ({ key, value, ...optionsOf(ttl) })),
        );
      case "keys":
        return strings(await call(records, op, { prefix: command.prefix })).sort();
      case "entries":
        return pairs(await call(records, op, { prefix: command.prefix })).sort(([a], [b]) => (a < b ? -1 : 1));
      case "clear":
        return call(records, op);
      case "put":
      case "putIfAbsent":
        return call(records, op, command.at.key, command.value, optionsOf(command.ttl));
      case "compareAndSwap": {
        const revision = await this.#revision(command.at, command.stale);
        return call(records, op, command.at.key, revision, command.value, optionsOf(command.ttl));
      }
      case "compareAndDelete":
        return call(records, op, command.at.key, await this.#revision(command.at, command.stale));
      case "increment":
        return call(records, op, command.at.key, command.by, optionsOf(command.ttl)).catch((error: unknown) => {
          if (error instanceof InvalidCounterError) return NOT_A_NUMBER;
          throw error;
        });
      case "touch":
        return call(records, op, command.at.key, command.ttl === null ? null : `${command.ttl}ms`);
      case "update": {
        let before: unknown;
        const change = (current: unknown): unknown => {
          before = current;
          return command.value;
        };
        const after = await call(records, op, command.at.key, change, optionsOf(command.ttl));
        return { before, after };
      }
      default:
        return call(records, op, command.at.key);
    }
  }

  /** The record's revision; or one that it had before, that another record has, or that nobody ever gave. */
  async #revision(at: Place, stale: boolean): Promise<unknown> {
    const entry = await this.#store.collection(this.#prefix + at.collection).getEntry(at.key);
    const current = entry?.revision;
    const others = [...(this.#seen.get(placeOf(at)) ?? []), ...this.#revisions.values(), "no-such-revision"];
    const old = others.find((one) => one !== current);
    return stale ? old : (current ?? old);
  }

  #compare(command: Command, answer: unknown, expected: unknown): void {
    if (command.op === "getEntry") {
      this.#compareEntry(command.at, answer);
    } else if (command.op === "putIfAbsent" || command.op === "compareAndSwap") {
      equal(answer !== undefined, expected, "whether it wrote, by its answer");
      if (expected) this.#remember(command.at, answer);
    } else {
      deepEqual(answer, expected, "its answer");
    }
  }

  #compareEntry(at: Place, answer: unknown): void {
    const record = this.#model.record(at);
    equal(answer !== undefined, record !== undefined, "whether there is a record");
    if (!record || typeof answer !== "object" || answer === null) return;
    deepEqual(Reflect.get(answer, "value"), record.value, "the entry's value");
    const expiresAt: unknown = Reflect.get(answer, "expiresAt");
    equal(expiresAt instanceof Date, record.expires !== undefined, "whether the entry expires");
    if (expiresAt instanceof Date && record.expires) {
      const { earliest, latest } = record.expires;
      const moment = expiresAt.getTime();
      ok(earliest <= moment && moment <= latest, `expiresAt is ${moment}, not between ${earliest} and ${latest}`);
    }
    this.#remember(at, Reflect.get(answer, "revision"));
  }

  /** A version has one revision, and no two versions share one. */
  #remember(at: Place, revision: unknown): void {
    const version = this.#model.record(at)?.version ?? 0;
    if (this.#revisions.has(version)) {
      equal(revision, this.#revisions.get(version), "the revision of a record that nobody has written since");
      return;
    }
    ok(![...this.#revisions.values()].includes(revision), "the revision is that of another write");
    this.#revisions.set(version, revision);
    this.#seen.set(placeOf(at), [...(this.#seen.get(placeOf(at)) ?? []), revision]);
  }
}

const placeOf = ({ collection, key }: Place): string => JSON.stringify([collection, key]);

function optionsOf(ttl: number | "keep" | undefined): object {
  if (ttl === undefined) return {};
  return ttl === "keep" ? { keepTtl: true } : { ttl: `${ttl}ms` };
}

function strings(answer: unknown): string[] {
  return Array.isArray(answer) ? answer.map(String) : [];
}

function pairs(answer: unknown): [string, unknown][] {
  return Array.isArray(answer) ? answer.map((entry) => [String(entry.key), entry.value]) : [];
}

export const model: readonly Property[] = [
  property({
    id: "model/sequences",
    title: "Whatever is done in whatever order, the store answers as the simplest store would that keeps the contract.",
    needs: ["write"],
    wants: ["fast-check"],
    waits: true,
    async run({ store, unique, settings }) {
      const fc = await import("fast-check");
      const ttl = 60 * settings.timeScale;
      const sequence = fc.array(commands(fc, store, ttl), { minLength: 1, maxLength: 24, size: "max" });
      const end = performance.now() + (settings.thorough ? 60_000 : 1000);
      let failed = false;
      const follows = fc.asyncProperty(sequence, async (steps) => {
        // Once one has failed, its shortest form is looked for, however long that takes.
        if (!failed && performance.now() > end) return;
        const run = new Run(store, unique(), ttl);
        try {
          for (const step of steps) if (!(await run.step(step))) return;
        } catch (error) {
          failed = true;
          const why = error instanceof ConformanceError ? error.message : describeError(error);
          throw new ConformanceError(`${run.script.map((line) => `    ${line}`).join("\n")}\n  ${why}`);
        }
      });
      const lane = async (): Promise<void> => {
        const found = await fc.check(follows, {
          numRuns: Math.ceil(settings.sequences / LANES),
          interruptAfterTimeLimit: settings.thorough ? 300_000 : 10_000,
        });
        if (!found.failed) return;
        const { errorInstance: error, seed, counterexamplePath: path } = found;
        const why = error instanceof ConformanceError ? error.message : describeError(error);
        throw new ConformanceError(`after this sequence (seed ${seed}, path "${path}"), in the last line\n${why}`);
      };
      await Promise.all(Array.from({ length: LANES }, lane));
    },
  }),
];
