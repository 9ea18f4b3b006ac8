/** A contender's process, as the benchmark sees it. */
import type { Case } from "./cases.ts";
import type { BackendName, ContenderName } from "./contender.ts";
import { Data, type Size } from "./data.ts";
import type { Link } from "./link.ts";
import type { RoundLength, Sample } from "./measure.ts";
import type { Answer, Request } from "./messages.ts";

/** How long a process may take to end by itself, in milliseconds; it writes its profile then, where it was to make one. */
const PATIENCE = 5000;

type Good = Exclude<Answer, { readonly failed: string }>;

/** Every method rejects where the contender fails or its process ends, which is then of no more use. */
export class ContenderProcess {
  readonly name: ContenderName;
  readonly #backend: BackendName;
  readonly #link: Link;

  constructor(backend: BackendName, name: ContenderName, link: Link) {
    this.name = name;
    this.#backend = backend;
    this.#link = link;
  }

  /** Opens it and stores the records. Whether it can do each of the cases. */
  async open(location: string, cases: readonly Case[], sizes: readonly Size[] = []): Promise<readonly boolean[]> {
    const data = Object.fromEntries(sizes.map((size) => [size, new Data(size)]));
    const { able } = await this.#ask({
      do: "open",
      backend: this.#backend,
      contender: this.name,
      location,
      cases,
      ...(sizes.length > 0 && { data }),
    });
    return given(able);
  }

  async warmUp(index: number, milliseconds: number): Promise<void> {
    await this.#ask({ do: "warm up", index, milliseconds });
  }

  /** So many operations of the case at this index, between two calls of `look`. */
  async perform(index: number, count: number, look: () => Promise<void>): Promise<void> {
    await this.#ask({ do: "prepare", index, count });
    await look();
    await this.#ask({ do: "perform", index, count });
    await look();
    await this.#ask({ do: "clean up", index, count });
  }

  /** One round of the case at this index. */
  async round(index: number, length: RoundLength): Promise<Sample> {
    return given((await this.#ask({ do: "round", index, length })).sample);
  }

  /** Bytes of the heap for a record. Of a contender that was not opened. */
  async weigh(): Promise<number> {
    return given((await this.#ask({ do: "weigh", backend: this.#backend, contender: this.name })).bytes);
  }

  /** Closes the contender; where it is to be empty, the records are deleted before. */
  async close(empty: boolean): Promise<void> {
    await this.#ask({ do: "close", empty });
  }

  /** Ends the process, whatever it does. What it was asked rejects. May be called again. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { child } = this.#link;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    this.#link.end();
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
    await gone;
    clearTimeout(timer);
  }

  #ask(request: Request): Promise<Good> {
    const { child } = this.#link;
    return new Promise((resolve, reject) => {
      const failed = (why: string): void => reject(new Error(`${this.#backend} ${this.name}: ${why}`));
      const onExit = (code: number | null, signal: string | null): void =>
        failed(`its process ended by ${signal ?? `code ${code}`}`);
      child.once("exit", onExit);
      this.#link.listen((answer) => {
        child.off("exit", onExit);
        if ("failed" in answer) failed(answer.failed);
        else resolve(answer);
      });
      this.#link.send(request);
    });
  }
}

function given<T>(part: T | undefined): T {
  if (part === undefined) throw new Error("an answer to something else");
  return part;
}
