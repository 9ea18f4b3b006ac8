/**
 * Holds the conformance suite against stores that break the contract in one point each: every one must be caught, by
 * the properties that name its fault, and every property must catch one. With `--all` the rest of the suite runs on each as well, and the table shows who
 * else has noticed. Any other argument picks the mutants whose fault holds it. Then faults in the wrappers, against their own tests.
 */
import { fork } from "node:child_process";
import { conformance, properties, type Report } from "../../src/conformance/index.ts";
import { createStore } from "../../src/index.ts";
import { LineDriver } from "../support/line-driver.ts";
import { LineServer } from "../support/line-server.ts";
import { MapDriver } from "../support/map-driver.ts";
import { atomics } from "./atomics.ts";
import { capabilities } from "./capabilities.ts";
import { deadlines } from "./deadlines.ts";
import { enumeration } from "./enumeration.ts";
import { errors } from "./errors.ts";
import { faults } from "./faults.ts";
import { getOrSet } from "./get-or-set.ts";
import { instances } from "./instances.ts";
import { lifecycle } from "./lifecycle.ts";
import { lineTarget, type Mutant, mapTarget } from "./mutant.ts";
import { names } from "./names.ts";
import { records } from "./records.ts";
import { several } from "./several.ts";
import { runSourceMutants } from "./source-mutants.ts";
import { ttl } from "./ttl.ts";
import { values } from "./values.ts";
import { wrappers } from "./wrappers.ts";

const mutants: readonly Mutant[] = [
  ...names,
  ...values,
  ...records,
  ...ttl,
  ...atomics,
  ...enumeration,
  ...getOrSet,
  ...instances,
  ...deadlines,
  ...lifecycle,
  ...errors,
  ...capabilities,
  ...faults,
  ...several,
  ...wrappers,
];

/** What is asked of a child process: a mutant by its place, or a correct driver by its name. */
interface Task {
  readonly subject: number | "map" | "line";
  readonly all: boolean;
}

interface Outcome {
  readonly task: Task;
  /** The properties that failed, with the first line of what they said. */
  readonly failed: readonly (readonly [id: string, message: string])[];
  readonly passed: number;
  readonly milliseconds: number;
}

const WORKERS = 2;

async function work(server: LineServer, task: Task): Promise<Outcome> {
  const report = await reportOf(server, task);
  return {
    task,
    failed: report.results.flatMap(({ property, error }) =>
      error instanceof Error ? [[property.id, error.message.split("\n")[0] ?? ""]] : [],
    ),
    passed: report.results.filter(({ error }) => error === undefined).length,
    milliseconds: report.milliseconds,
  };
}

function reportOf(server: LineServer, { subject, all }: Task): Promise<Report> {
  if (subject === "map") {
    const data = new Map();
    return conformance(mapTarget((options) => createStore(new MapDriver(data), options))).run();
  }
  if (subject === "line") {
    const open = (address: ConstructorParameters<typeof LineDriver>[0], options: object) =>
      createStore(new LineDriver(address), options);
    return conformance(lineTarget(server, open)).run();
  }
  const mutant = mutants[subject];
  if (!mutant) throw new RangeError("there is no such mutant");
  return conformance(mutant.target(server)).run({ only: ({ id }) => all || mutant.caughtBy.includes(id) });
}

async function child(): Promise<void> {
  const server = await LineServer.start();
  // Some mutants leave rejections unhandled, and a property has to see them: that must not end the process.
  process.on("unhandledRejection", () => {});
  process.on("message", (task: Task) => {
    void work(server, task).then(
      (outcome) => process.send?.(outcome),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.on("disconnect", () => process.exit());
  process.send?.("ready");
}

/** All tasks, a few at a time, each child doing one after the other. */
async function runAll(tasks: readonly Task[], onOutcome: (outcome: Outcome) => void): Promise<void> {
  const waiting = [...tasks];
  const worker = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const process_ = fork(new URL(import.meta.url), ["--child"], {
        execArgv: process.execArgv,
        // Some mutants leak listeners.
        env: { ...process.env, NODE_NO_WARNINGS: "1" },
      });
      process_.on("message", (message: Outcome | "ready") => {
        if (message !== "ready") onOutcome(message);
        const task = waiting.shift();
        if (task) process_.send(task);
        else process_.disconnect();
      });
      process_.on("error", reject);
      process_.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with code ${code}`))));
    });
  await Promise.all(Array.from({ length: WORKERS }, worker));
}

async function main(options: readonly string[]): Promise<void> {
  const all = options.includes("--all");
  const wanted = options.filter((one) => !one.startsWith("--"));
  const began = performance.now();
  const chosen = mutants.flatMap(({ fault }, subject) =>
    wanted.every((part) => fault.includes(part)) ? [{ subject, all }] : [],
  );
  const correct: readonly Task[] =
    wanted.length > 0
      ? []
      : [
          { subject: "line", all: true },
          { subject: "map", all: true },
        ];
  let caught = 0;
  let sound = true;
  await runAll([...correct, ...chosen], ({ task, failed, passed, milliseconds }) => {
    const took = `${Math.round(milliseconds)} ms`.padStart(9);
    if (typeof task.subject === "string") {
      sound &&= failed.length === 0;
      console.log(
        `${failed.length === 0 ? "passed" : "FAILED"} ${took}  the correct ${task.subject} driver: ${passed} properties hold`,
      );
      for (const [, message] of failed) console.log(`                  ${message}`);
      return;
    }
    const mutant = mutants[task.subject];
    if (!mutant) return;
    const noticed = failed.map(([id]) => id);
    const missing = mutant.caughtBy.filter((id) => !noticed.includes(id));
    if (missing.length === 0) caught++;
    console.log(
      `${missing.length === 0 ? "caught" : "MISSED"} ${took}  ${mutant.fault}: ${mutant.caughtBy.join(", ")}`,
    );
    if (missing.length > 0) console.log(`                  not by ${missing.join(", ")}`);
    const others = noticed.filter((id) => !mutant.caughtBy.includes(id));
    if (others.length > 0) console.log(`                  also by ${others.join(", ")}`);
  });
  const named = new Set(mutants.flatMap(({ caughtBy }) => caughtBy));
  const untried = properties.filter(({ id }) => !named.has(id));
  if (untried.length > 0) console.log(`no mutant for ${untried.map(({ id }) => id).join(", ")}`);
  const sources = await runSourceMutants(wanted);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const [noticed, count] = [caught + sources.caught, chosen.length + sources.all];
  console.log(`${noticed} of ${count} mutants caught, in ${seconds} s`);
  if (noticed < count || !sound || untried.length > 0) process.exitCode = 1;
}

await (process.argv.includes("--child") ? child() : main(process.argv.slice(2)));
