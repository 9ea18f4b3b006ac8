// A Python that is asked again and again: it imports once, and answers each time in a fork of its own.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** Around the script, which defines `main`: a line in, a line out. A fork that fails says why. */
const AROUND = `
import os as _os, sys as _sys, traceback as _traceback

for _line in _sys.stdin:
    _sys.stdout.flush()
    if _os.fork() == 0:
        try:
            _answer = "+" + main(_line)
        except BaseException:
            _answer = "-" + repr(_traceback.format_exc())
        _sys.stdout.write(_answer + "\\n")
        _sys.stdout.flush()
        _os._exit(0)
    _, _status = _os.wait()
    if _status != 0:
        _sys.stdout.write(f"-ended with the status {_status}\\n")
        _sys.stdout.flush()
`;

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Ends with the process that has started it, and keeps that alive only while it is asked. */
export class PythonProcess {
  readonly #executable: string;
  readonly #script: string;
  readonly #waiting: Waiting[] = [];
  #process: ChildProcessByStdio<Writable, Readable, Readable> | undefined;
  #errors = "";

  /** @param script Python that defines `main(text)`, which gets JSON and gives JSON */
  constructor(executable: string, script: string) {
    this.#executable = executable;
    this.#script = script;
  }

  /** What `main` gives for the input. Rejects with what it raised, or with what Python wrote to stderr. */
  ask(input: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const process = this.#running();
      this.#waiting.push({ resolve, reject });
      this.#hold(true);
      process.stdin.write(`${JSON.stringify(input)}\n`);
    });
  }

  #running(): ChildProcessByStdio<Writable, Readable, Readable> {
    if (this.#process) return this.#process;
    const process = spawn(this.#executable, ["-c", this.#script + AROUND], { stdio: ["pipe", "pipe", "pipe"] });
    this.#process = process;
    this.#errors = "";
    process.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
    });
    process.stdin.on("error", () => {});
    createInterface({ input: process.stdout }).on("line", (line) => this.#onAnswer(line));
    const onEnd = (reason: unknown): void => {
      this.#process = undefined;
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`Python ended: ${reason}\n${this.#errors}`));
    };
    process.once("error", onEnd);
    process.once("close", (code, signal) => onEnd(code ?? signal));
    return process;
  }

  #onAnswer(line: string): void {
    const waiting = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#hold(false);
    if (!waiting) throw new Error(`Python printed what it was not asked for: ${line}`);
    if (line.startsWith("+")) waiting.resolve(JSON.parse(line.slice(1)));
    else waiting.reject(new Error(`Python failed: ${line.slice(1).replaceAll("\\n", "\n")}\n${this.#errors}`));
  }

  /** Whether this process is to stay for the answer. */
  #hold(held: boolean): void {
    const process = this.#process;
    if (!process) return;
    for (const part of [process, process.stdin, process.stdout, process.stderr]) {
      const method: unknown = Reflect.get(part, held ? "ref" : "unref");
      if (typeof method === "function") Reflect.apply(method, part, []);
    }
  }
}
