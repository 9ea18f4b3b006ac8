/** One line on the terminal that tells what is measured; where there is none, a line now and then. */

/** Told what is measured next, and how much of the run is done: from 0 to 1. */
export type Progress = (what: string, done: number) => void;

const BAR = 20;
/** Milliseconds between two lines in a log. */
const INTERVAL = 15_000;

export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #start = performance.now();
  #last = Number.NEGATIVE_INFINITY;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  readonly show: Progress = (what, done) => {
    const now = performance.now();
    const seconds = Math.round((now - this.#start) / 1000);
    const text = `${String(Math.round(done * 100)).padStart(3)} % ${seconds} s  ${what}`;
    if (this.#stream.isTTY) {
      const full = Math.round(done * BAR);
      this.#stream.write(`\r\u001b[K${"█".repeat(full)}${"░".repeat(BAR - full)} ${text}`);
    } else if (now - this.#last >= INTERVAL) {
      this.#last = now;
      this.#stream.write(`${text}\n`);
    }
  };

  clear(): void {
    if (this.#stream.isTTY) this.#stream.write("\r\u001b[K");
  }
}
