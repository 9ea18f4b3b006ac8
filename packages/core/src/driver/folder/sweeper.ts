/** Reclaims expired records in the background, when the first of them is due. */
import type { Report } from "../driver.ts";

/** How often at most, and at least (another process may have written what expires sooner), in milliseconds. */
const SHORTEST_PAUSE = 500;
const LONGEST_PAUSE = 60_000;

export class Sweeper {
  readonly #step: () => Promise<number | undefined>;
  readonly #report: Report;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #stopped = false;

  /** `step` does a bounded part of the work, and answers when the next record expires (`undefined`: none does). */
  constructor(step: () => Promise<number | undefined>, report: Report) {
    this.#step = step;
    this.#report = report;
    this.expect(0);
  }

  /** A record will expire at this time. */
  expect(expiresAt: number): void {
    if (expiresAt >= this.#due || this.#stopped) return;
    this.#due = expiresAt;
    if (this.#running) return;
    clearTimeout(this.#timer);
    const pause = Math.min(Math.max(expiresAt - Date.now(), SHORTEST_PAUSE), LONGEST_PAUSE);
    this.#timer = setTimeout(() => this.#run(), pause);
    this.#timer.unref();
  }

  /** Resolves when no step runs any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #run(): void {
    this.#due = Number.POSITIVE_INFINITY;
    this.#running = this.#sweep().then((next) => {
      this.#running = undefined;
      const due = Math.min(this.#due, next);
      this.#due = Number.POSITIVE_INFINITY;
      this.expect(due);
    });
  }

  /** When to sweep again. */
  async #sweep(): Promise<number> {
    const latest = Date.now() + LONGEST_PAUSE;
    try {
      let next: number | undefined;
      do next = await this.#step();
      while (next !== undefined && next <= Date.now() && !this.#stopped);
      return Math.min(next ?? latest, latest);
    } catch (error) {
      this.#report({ type: "background-error", error });
      return latest;
    }
  }
}
