/** One run: every backend in turn, its contenders side by side. */
import { pythonEnvironment } from "@kv/test-servers";
import { type Place, prepare } from "./backends.ts";
import { type Case, casesOf, sizesOf, titleOf } from "./cases.ts";
import { differenceOf } from "./commands.ts";
import { type BackendName, type ContenderName, isPeer } from "./contender.ts";
import { ContenderProcess } from "./contender-process.ts";
import { contendersOf, runsInPython } from "./contenders/index.ts";
import { Data, type Size } from "./data.ts";
import { linkToNode, linkToPython } from "./link.ts";
import { load, machineSince } from "./machine.ts";
import type { Sample } from "./measure.ts";
import type { Settings } from "./options.ts";
import type { Progress } from "./progress.ts";
import { FORMAT, type Found, type Results, type Row, rowsOf, type Skipped, type Weight } from "./results.ts";

/** How many operations are done to see how many commands they take. */
const LOOKED_AT = 10;
/** In which rounds the peers take part: the raw driver and kv need more, since their share is held against a target. */
const PEERS_EVERY = 3;

/**
 * A backend that fails costs its own figures and not those of the others. Rejects soon after `signal` aborts; nothing is
 * left behind then, no process and no folder.
 */
export async function run(settings: Settings, progress: Progress, signal: AbortSignal): Promise<Results> {
  const start = performance.now();
  const startedAt = new Date().toISOString();
  const loadBefore = load();
  const rows: Row[] = [];
  const skipped: Skipped[] = [];
  for (const [index, backend] of settings.backends.entries()) {
    const inAll: Progress = (what, done) => progress(`${backend}: ${what}`, (index + done) / settings.backends.length);
    try {
      const found = await runBackend(backend, settings, inAll, signal);
      rows.push(...found.rows);
      skipped.push(...found.skipped);
    } catch (error) {
      signal.throwIfAborted();
      skipped.push({ backend, reason: firstLineOf(error), failed: true });
    }
  }
  const weights = settings.backends.includes("memory") ? await weighAll(progress, signal) : [];
  return {
    kind: "comparison",
    format: FORMAT,
    startedAt,
    seconds: Math.round((performance.now() - start) / 1000),
    machine: machineSince(loadBefore),
    settings,
    meanBytes: Object.fromEntries(
      (["100 B", "10 KB", "1 MB"] satisfies Size[]).map((size) => [size, new Data(size).meanBytes]),
    ),
    rows,
    weights,
    skipped,
  };
}

function firstLineOf(error: unknown): string {
  return String(error).split("\n", 1)[0] ?? "";
}

interface Outcome {
  readonly rows: readonly Row[];
  readonly skipped: readonly Skipped[];
}

async function runBackend(
  backend: BackendName,
  settings: Settings,
  progress: Progress,
  signal: AbortSignal,
): Promise<Outcome> {
  signal.throwIfAborted();
  progress("preparing", 0);
  const { place, skipped } = await prepare(backend);
  if (place === undefined) return { rows: [], skipped: [{ backend, reason: skipped }] };
  await using _ended = place;
  const cases = casesOf(backend, settings.operations, settings.everything).filter(
    // What lies beside would stay there.
    ({ operation }) => operation !== "enumerate" || !place.shared,
  );
  await using contenders = await Contenders.start(backend, settings.peers, signal);
  const tables: Table[] = [];
  for (const contender of contenders.all) {
    progress(`filling ${contender.name}`, 0);
    const sizes = contenders.needsData(contender) ? sizesOf(cases) : [];
    const table = new Table(contender, cases);
    tables.push(table);
    await table.try(async () => {
      table.able = await contender.open(place.location(contender.name), cases, sizes);
    });
  }
  const startAnew = async (table: Table): Promise<void> => {
    await table.contender.close(false);
    table.contender = await contenders.startAnew(table.contender);
    await table.contender.open(place.location(table.contender.name), cases);
  };
  await measure(cases, tables, place, startAnew, settings, progress);
  for (const table of tables) await table.try(() => table.contender.close(place.shared));
  return {
    rows: cases.flatMap((one, at) =>
      rowsOf(
        backend,
        one,
        tables.map((table) => table.found(at)),
      ),
    ),
    skipped: tables.flatMap(({ contender, failure }) =>
      failure === undefined ? [] : [{ backend, contender: contender.name, reason: failure }],
    ),
  };
}

/** What is found about one contender, by the places of the cases and in them of the rounds. */
class Table {
  contender: ContenderProcess;
  able: readonly boolean[] = [];
  /** `undefined` in the rounds without it. */
  readonly samples: readonly (Sample | undefined)[][];
  readonly commands = new Map<number, string>();
  /** Why it takes part no more. */
  failure: string | undefined;

  constructor(contender: ContenderProcess, cases: readonly Case[]) {
    this.contender = contender;
    this.samples = cases.map(() => []);
  }

  /** A peer that fails is left out from there on; the raw driver and kv must not. */
  async try(act: () => Promise<void>): Promise<void> {
    if (this.failure !== undefined) return;
    try {
      await act();
    } catch (error) {
      if (!isPeer(this.contender.name)) throw error;
      this.failure = String(error).trim().split("\n").at(-1) ?? "";
      this.able = [];
    }
  }

  found(at: number): Found {
    const commands = this.commands.get(at);
    const samples = this.samples[at] ?? [];
    return { name: this.contender.name, samples, ...(commands !== undefined && { commands }) };
  }
}

/**
 * Fills the tables. In a round every contender has its turn directly after the other, each time another one first, so
 * that what else the machine does meets them all. Between rounds the raw driver and kv begin in processes of their own
 * anew, since by the luck of its memory one process is faster than another throughout. What is enumerated has rounds of
 * its own in the end, in the last processes, since then each contender holds a hundred times as many records.
 */
async function measure(
  cases: readonly Case[],
  tables: readonly Table[],
  place: Place,
  startAnew: (table: Table) => Promise<void>,
  settings: Settings,
  progress: Progress,
): Promise<void> {
  const indices = cases.map((_, index) => index);
  const last = indices.filter((index) => cases[index]?.operation === "enumerate");
  const parts = [indices.filter((index) => !last.includes(index)), last].filter(({ length }) => length > 0);
  let before = 0;
  for (const part of parts) {
    const share = part.length / cases.length;
    const inPart: Progress = (what, done) => progress(what, before + done * share);
    for (const table of tables) {
      inPart(`warming up ${table.contender.name}`, 0);
      for (const at of part) {
        await table.try(async () => {
          if (!table.able[at]) return;
          await table.contender.warmUp(at, settings.warmUp);
          await count(table, at, cases[at], place);
        });
      }
    }
    for (let round = 0; round < settings.rounds; round++) {
      if (part !== last && processOf(round, settings) !== processOf(round - 1, settings)) {
        for (const table of tables.filter(({ contender }) => !isPeer(contender.name))) {
          inPart(`another process of ${table.contender.name}`, round / settings.rounds);
          await startAnew(table);
          for (const at of part) if (table.able[at]) await table.contender.warmUp(at, settings.warmUp);
        }
      }
      for (const [nth, at] of part.entries()) {
        const title = cases[at] ? titleOf(cases[at]) : "";
        inPart(`round ${round + 1} of ${settings.rounds}, ${title}`, (round + nth / part.length) / settings.rounds);
        for (let turn = 0; turn < tables.length; turn++) {
          const table = tables[(round + turn) % tables.length];
          if (!table?.able[at]) continue;
          const out = isPeer(table.contender.name) && round % PEERS_EVERY !== 0;
          await table.try(async () => {
            table.samples[at]?.push(out ? undefined : await table.contender.round(at, settings.length));
          });
        }
      }
    }
    before += share;
  }
}

/** Which of its processes a contender has in a round. */
function processOf(round: number, { rounds, processes }: Settings): number {
  return Math.floor((Math.max(0, round) * Math.min(processes, rounds)) / rounds);
}

/** What the server is given for an operation. */
async function count({ contender, commands }: Table, at: number, one: Case | undefined, place: Place): Promise<void> {
  if (!place.commands || one === undefined) return;
  const counter = place.commands;
  const times = one.operation === "enumerate" ? 1 : LOOKED_AT;
  const looks: ReadonlyMap<string, number>[] = [];
  await contender.perform(at, times, async () => void looks.push(await counter.count()));
  const [first, second] = looks;
  if (first && second) commands.set(at, differenceOf(first, second, times));
}

async function weighAll(progress: Progress, signal: AbortSignal): Promise<Weight[]> {
  const weights: Weight[] = [];
  for (const name of contendersOf("memory")) {
    if (runsInPython("memory", name)) continue;
    signal.throwIfAborted();
    progress(`heap of ${name}`, 1);
    await using contender = new ContenderProcess("memory", name, linkToNode());
    weights.push({ contender: name, bytes: await contender.weigh() });
  }
  return weights;
}

class Contenders implements AsyncDisposable {
  readonly #all: ContenderProcess[];
  readonly #backend: BackendName;
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => void this[Symbol.asyncDispose]();

  /** Those that can be had; Python only where it is installed or can be. */
  static async start(backend: BackendName, peers: boolean, signal: AbortSignal): Promise<Contenders> {
    const names = contendersOf(backend).filter((name) => peers || !isPeer(name));
    const { python } = names.some((name) => runsInPython(backend, name)) ? await pythonEnvironment() : {};
    return new Contenders(backend, names, python?.executable, signal);
  }

  private constructor(
    backend: BackendName,
    names: readonly ContenderName[],
    python: string | undefined,
    signal: AbortSignal,
  ) {
    this.#backend = backend;
    this.#all = names.flatMap((name) => {
      if (!runsInPython(backend, name)) return [new ContenderProcess(backend, name, linkToNode())];
      return python === undefined ? [] : [new ContenderProcess(backend, name, linkToPython(python))];
    });
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort);
    if (signal.aborted) this.#onAbort();
  }

  get all(): readonly ContenderProcess[] {
    return this.#all;
  }

  /** Another process in the place of this one, which has been closed; not for those in Python. */
  async startAnew(old: ContenderProcess): Promise<ContenderProcess> {
    await old[Symbol.asyncDispose]();
    this.#signal.throwIfAborted();
    const contender = new ContenderProcess(this.#backend, old.name, linkToNode());
    this.#all[this.#all.indexOf(old)] = contender;
    return contender;
  }

  needsData({ name }: ContenderProcess): boolean {
    return runsInPython(this.#backend, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener("abort", this.#onAbort);
    await Promise.all(this.#all.map((one) => one[Symbol.asyncDispose]()));
  }
}
