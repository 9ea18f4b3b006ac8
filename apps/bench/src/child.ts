/** The process of one contender: does what it is told, and nothing between two requests. */
import { type Case, sizesOf } from "./cases.ts";
import type { Contender, Records } from "./contender.ts";
import { importContender } from "./contenders/index.ts";
import { Data, KEYS, type Size } from "./data.ts";
import { empty, fill, fillMany } from "./fill.ts";
import { weigh } from "./heap.ts";
import { Measurement } from "./measure.ts";
import type { Answer, Request } from "./messages.ts";
import { BESIDE, canDo } from "./operations.ts";

class Opened {
  readonly able: readonly boolean[];
  readonly #contender: Contender;
  readonly #records: Records;
  readonly #data: ReadonlyMap<Size, Data>;
  readonly #cases: readonly Case[];
  readonly #measurements: readonly Measurement[];
  #isBeside = false;

  static async open(contender: Contender, cases: readonly Case[]): Promise<Opened> {
    const data = new Map(sizesOf(cases).map((size) => [size, new Data(size)]));
    const opened = new Opened(contender, cases, data);
    for (const one of data.values()) await fill(opened.#records, one);
    return opened;
  }

  private constructor(contender: Contender, cases: readonly Case[], data: ReadonlyMap<Size, Data>) {
    this.#contender = contender;
    this.#records = contender.collection("bench");
    this.#cases = cases;
    this.#data = data;
    this.able = cases.map(({ operation }) => canDo(contender, this.#records, operation));
    this.#measurements = cases.map((one) => {
      const records = one.operation === "enumerate" ? contender.collection("listed") : this.#records;
      return new Measurement(records, one, data.get(one.size) ?? new Data(one.size));
    });
  }

  measurement(index: number): Measurement {
    const measurement = this.#measurements[index];
    if (measurement === undefined) throw new Error(`there is no case ${index}`);
    return measurement;
  }

  async warmUp(index: number, milliseconds: number): Promise<void> {
    if (this.#cases[index]?.operation === "enumerate" && !this.#isBeside) {
      this.#isBeside = true;
      await fillMany(this.#contender.collection("listed"), KEYS, { listed: true });
      await fillMany(this.#contender.collection("beside"), BESIDE, { beside: true });
    }
    await this.measurement(index).warmUp(milliseconds);
  }

  async close(isToEmpty: boolean): Promise<void> {
    if (isToEmpty) for (const one of this.#data.values()) await empty(this.#records, one);
    await this.#contender.close();
  }
}

let opened: Opened | undefined;

function current(): Opened {
  if (opened === undefined) throw new Error("nothing is open");
  return opened;
}

async function answer(request: Request): Promise<Answer> {
  switch (request.do) {
    case "open": {
      const { open } = await importContender(request.backend, request.contender);
      opened = await Opened.open(await open(request.location), request.cases);
      return { able: opened.able };
    }
    case "warm up":
      await current().warmUp(request.index, request.milliseconds);
      return {};
    case "prepare":
      await current().measurement(request.index).prepare(request.count);
      return {};
    case "perform":
      await current().measurement(request.index).perform(request.count);
      return {};
    case "clean up":
      await current().measurement(request.index).cleanUp(request.count);
      return {};
    case "round":
      return { sample: await current().measurement(request.index).round(request.length) };
    case "weigh": {
      const { open } = await importContender(request.backend, request.contender);
      const contender = await open("");
      const bytes = await weigh(contender);
      await contender.close();
      return { bytes };
    }
    case "close":
      await opened?.close(request.empty);
      return {};
  }
}

process.on("message", (request: Request) => {
  answer(request).then(
    (done) => process.send?.(done),
    (error: unknown) => process.send?.({ failed: error instanceof Error ? error.stack : String(error) }),
  );
});
// The benchmark is gone, or has no more to ask.
process.on("disconnect", () => process.exit());
// Ctrl-C reaches the whole group: the benchmark decides when to end.
process.on("SIGINT", () => {});
