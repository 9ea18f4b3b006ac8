/**
 * Faults in the wrappers and in `getOrSet`, each a change of one line of their sources. Most leave the contract of a store
 * as it is, so that it is the wrapper's own tests that must catch them.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Change } from "./mutating.ts";

export interface SourceMutant extends Change {
  readonly fault: string;
  /** The test file, below `test/unit`. */
  readonly test: string;
}

/** Faults of what is no wrapper, or of several files for one. */
function source(
  what: string,
  test: string,
  ...faults: readonly (readonly [fault: string, file: string, from: string, to: string])[]
) {
  return faults.map(([fault, file, from, to]): SourceMutant => ({ fault: `${what} ${fault}`, file, test, from, to }));
}

function wrapper(name: string, ...faults: readonly (readonly [fault: string, from: string, to: string])[]) {
  return faults.map(
    ([fault, from, to]): SourceMutant => ({
      fault: `${name} ${fault}`,
      file: `wrappers/${name}.ts`,
      test: `${name}.test.ts`,
      from,
      to,
    }),
  );
}

const mutants: readonly SourceMutant[] = [
  ...source(
    "cache",
    "cache.test.ts",
    [
      "keeps what was read while it was written",
      "wrappers/cache/near-copies.ts",
      "entry.writers > 0 || entry.begun !== begun[at] ||",
      "",
    ],
    ["reads near while it is written", "wrappers/cache/near-copies.ts", "!this.#busy.isWritten(id)", "true"],
    [
      "reads what it could not delete",
      "wrappers/cache/near-copies.ts",
      "for (const id of group) this.#refusals.refuse(id, now);",
      "",
    ],
    [
      "forgets that a write may yet be done",
      "wrappers/cache/near-copies.ts",
      "this.#refusals.refuse(id, now + this.#settings.ttl);",
      "",
    ],
    [
      "outlives the record",
      "wrappers/cache/near-copies.ts",
      "record?.expiresAt ?? Number.POSITIVE_INFINITY",
      "Number.POSITIVE_INFINITY",
    ],
    [
      "asks itself what decides about a write",
      "wrappers/cache/cache.ts",
      "DECIDING.has(call.operation)",
      "DECIDING.has(call.operation) && through",
    ],
    ["goes around clampTtl", "wrappers/cache/cache.ts", "clampTtl: ", "other: "],
  ),
  ...source(
    "fallback",
    "fallback.test.ts",
    ["takes any error for an outage", "wrappers/fallback/outage.ts", "if (!isOutage || ", "if ("],
    [
      "writes twice what may have been applied",
      "wrappers/fallback/outage.ts",
      "(outcome && error.outcome !== outcome)",
      "false",
    ],
    [
      "takes what it does not know for a miss",
      "wrappers/fallback/outage.ts",
      "if (!isLeft(found)) throw error;",
      "if (!isLeft(found)) return undefined;",
    ],
    [
      "overwrites what is newer",
      "wrappers/fallback/outage.ts",
      "(current.createdAt ?? 0) > left.written_at",
      "(current.createdAt ?? 0) < 0",
    ],
    [
      "leaves the store alone with what it lacks",
      "wrappers/fallback/outage.ts",
      "if (this.#left.size === 0) return;",
      "return;",
    ],
    [
      "claims to be durable",
      "wrappers/fallback/fallback.ts",
      'withdraws: secondary.capabilities.durable ? [] : ["durable"]',
      "withdraws: []",
    ],
  ),
  ...wrapper(
    "route",
    [
      "lists what lies in the wrong store",
      "page.items.filter(({ key }) => this.#isIn(part, { collection, key }))",
      "page.items",
    ],
    [
      "clears what lies in the wrong store",
      "(key) => this.#isIn(part, { collection, key }));\n  }",
      "() => true);\n  }",
    ],
    ["claims what one store can", "all.every((its) => its[one] === true)", "all.some((its) => its[one] === true)"],
    ["sends the unknown to the first store", "one.name === name", "one.name === name || name === undefined"],
  ),
  ...wrapper(
    "timeout",
    [
      "answers a miss at its end",
      "reject(this.#expire(operation));",
      "resolve(this.#expire(operation) && (undefined as T));",
    ],
    ["calls a write that was sent not applied", 'this.#sent ? "unknown" : "not-applied"', '"not-applied"'],
    ["calls a write that was never sent unknown", 'this.#sent ? "unknown" : "not-applied"', '"unknown"'],
    ["leaves the client at work", "this.#controller?.abort(error);", ""],
    ["goes around retry", 'retry: "since', 'other: "since'],
  ),
  ...wrapper(
    "read-only",
    ["lets layers around it write", "put: refuse,", ""],
    ["claims that it can write", 'withdraws: ["write", "atomic", "clear"]', 'withdraws: ["atomic", "clear"] as never'],
    ["ignores writes silently", "put: refuse,", "put: () => {},"],
  ),
  ...wrapper(
    "clamp-ttl",
    ["takes a min above the max", "if (shortest > longest)", "if (shortest > longest && max === undefined)"],
    ["lets what never expires pass the max", "record.expiresAt ?? now", "record.expiresAt ?? Infinity + now"],
    ["leaves swaps alone", "const clamped = next && clamp(next);", "const clamped = next;"],
    ["lengthens what a write keeps", 'if (!lengthened || expected === "absent")', "if (true as boolean)"],
  ),
  ...wrapper(
    "logging",
    ["logs keys unasked", "options.keys ?? false", "options.keys ?? true"],
    ["lets names break the line", "return JSON.stringify(value).replace(", "return String(value).replace("],
    ["samples errors away", "if (!failed && !slow &&", "if (!slow &&"],
    ["takes pino for a console", 'return "bindings" in logger', 'return "binding" in logger'],
    [
      "logs values",
      "...namesOf(subject, keys),",
      "...namesOf(subject, keys), ...({ answer: JSON.stringify(answer) }),",
    ],
  ),
  ...wrapper(
    "statistics",
    ["keeps every collection", "if (collections.size >= maxCollections) return others;", ""],
    ["does not begin anew", "counters.clear();", "void counters;"],
    ["does not count what failed in a batch", "for (const code of failuresIn(answer)) this.#count(code, 1);", ""],
  ),
  ...wrapper(
    "circuit-breaker",
    ["is opened by any error", "error ? error.retryable : isOutage(answer)", "error !== undefined || isOutage(answer)"],
    ["never closes", "++proved >= probes", "++proved > probes"],
    ["lets everybody probe", 'state === "half-open" && probing + proved >= probes', "false"],
    ["opens before there were enough exchanges", "if (calls < minCalls) return;", ""],
    ["counts what began before", "if (begun !== generation) return;", ""],
  ),
  ...wrapper(
    "concurrency-limit",
    ["sends what has left the queue", "queue.delete(start);\n        reject", "reject"],
    ["lets newcomers pass the queue", "running < max && queue.size === 0", "running < max + 1"],
    ["loses the place of what fails", "answer.then(release, release);", "answer.then(release, () => {});"],
    ["is held up by a backend that hangs", "whenCancelled(call, release)", "whenCancelled(call, () => {})"],
  ),
  ...wrapper(
    "chaos",
    [
      "takes each time other faults",
      'randomBySeed(countOf(options.seed, "seed", 0))',
      '(countOf(options.seed, "seed", 0), Math.random)',
    ],
    [
      "loses what it says was done",
      "const answer = await exchange(call);",
      "const answer = lost ? (undefined as T) : await exchange(call);",
    ],
    [
      "sends after the call has ended",
      "stillWanted(call);",
      "call = { ...call, ended: false, markSent() {}, deadline: call.deadline, signal: call.signal };",
    ],
  ),
  ...wrapper(
    "telemetry",
    ["gives milliseconds", "milliseconds / 1000", "milliseconds"],
    ["leaves the client's spans beside its own", "trace.setSpan(context.active(), span)", "context.active()"],
    ["calls one record a batch", "ids.length > 1 ?", "ids.length > 0 ?"],
  ),
  ...wrapper(
    "retry",
    ["repeats writes that may have been applied", 'READS.has(operation) || error.outcome === "not-applied"', "true"],
    ["leaves open what certainly did nothing", "if (undone) call.markSent(false);", ""],
  ),
  ...wrapper(
    "reencrypt",
    ["lets what expires live for ever", "keepTtl: true", "keepTtl: false as true"],
    ["rewrites what is current", "if (record?.outdated) return true;", "return true;"],
  ),
  ...source(
    "getOrSet",
    "get-or-set.test.ts",
    ["calls a factory that fails again and again", "flights.ts", "(this.#resting.get(name)?.until ?? 0)", "0"],
    ["never pauses for longer", "flights.ts", "?? FIRST_REST / 2) * 2", "?? FIRST_REST) * 1"],
    ["keeps a copy of what was refused", "flight.ts", 'error.outcome === "not-applied"', "error.retryable"],
    ["hides keys of the user's", "beside.ts", "return ESCAPED + key.slice(BESIDE.length);", "return key;"],
    ["has its lease measured", "wrappers/limit-size.ts", "(next?.beside ? unchecked : swap)", "swap"],
    ["has its lease made longer", "wrappers/clamp-ttl.ts", "record.beside ? 0 : now + shortest", "now + shortest"],
    ["believes what a cache remembers not to be", "wrappers/cache/cache.ts", ', "fill"]', "]"],
    ["takes a default for the value", "flight-records.ts", 'this.exchange("fill"', 'this.exchange("get"'],
  ),
];

const core = fileURLToPath(new URL("../..", import.meta.url));
const vitest = join(core, "node_modules/vitest/vitest.mjs");

/** Whether the wrapper's tests fail, as they should; else why that says nothing. */
async function isCaught({ file, from, to, test }: SourceMutant): Promise<boolean | string> {
  const source = await readFile(`${core}src/${file}`, "utf8");
  if (!source.includes(from)) return `there is no ${JSON.stringify(from)} in ${file}`;
  const env = { ...process.env, KV_MUTANT: JSON.stringify({ file, from, to }), NODE_OPTIONS: "", NO_COLOR: "1" };
  const args = [vitest, "run", `test/unit/${test}`, "--bail=1", "--testTimeout=5000", "--reporter=default"];
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { cwd: core, env, timeout: 120_000 }, (_, stdout) => resolve(stdout));
  });
  // A file that does not even load says nothing.
  const [, count, end] = /^ *Tests +(\d+) (failed|passed)/m.exec(output) ?? [];
  return count === undefined ? "no test ran" : end === "failed";
}

/** Runs those whose fault holds all the words, two at a time; how many there were and how many were caught. */
export async function runSourceMutants(
  words: readonly string[],
): Promise<{ readonly all: number; readonly caught: number }> {
  const chosen = mutants.filter(({ fault }) => words.every((word) => fault.includes(word)));
  const rest = chosen.values();
  let caught = 0;
  const worker = async (): Promise<void> => {
    for (const mutant of rest) {
      const result = await isCaught(mutant);
      if (result === true) caught++;
      console.log(`${result === true ? "caught" : "MISSED"}            ${mutant.fault}: test/unit/${mutant.test}`);
      if (typeof result === "string") console.log(`                  ${result}`);
    }
  };
  await Promise.all([worker(), worker()]);
  return { all: chosen.length, caught };
}
