// A store of py-key-value-aio, driven from a test: steps in, answers out.

import type { Python } from "./python.ts";
import type { PythonProcess } from "./python-process.ts";

/** A method of Python's store, its positional arguments and its named ones. */
export type Step = readonly [method: string, parameters: readonly unknown[], options?: object];

/** A number that JSON has no text for, or JavaScript no value: `new PythonNumber("nan")`, `new PythonNumber("2**53 + 1")`. */
export class PythonNumber {
  readonly $number: string;

  /** @param expression in Python: digits, `**`, `+`, or `nan`, `inf` */
  constructor(expression: string) {
    this.$number = expression;
  }
}

/** An error in place of an answer: its class and its message. */
export interface PythonError {
  readonly error: string;
  readonly message: string;
}

const SCRIPT = `
import asyncio, json, re, warnings
warnings.simplefilter("ignore")
%IMPORTS%

def number(given):
    if set(given) != {"$number"}:
        return given
    text = given["$number"]
    if not re.fullmatch(r"nan|-?inf|[0-9*+ -]+", text):
        raise ValueError(text)
    return float(text) if text.endswith(("nan", "inf")) else eval(text)

async def answer(text):
    given = json.loads(text, object_hook=number)
    server = given["server"]
    store = %STORE%
    answers = []
    for method, arguments, options in given["steps"]:
        try:
            answers.append(await getattr(store, method)(*arguments, **options))
        except Exception as error:
            answers.append({"error": type(error).__name__, "message": str(error)})
    if hasattr(store, "close"):
        await store.close()
    return json.dumps(answers)

def main(text):
    return asyncio.run(answer(text))
`;

export interface PythonStoreOptions {
  /** Python that imports the store's class. */
  readonly imports: string;
  /** A Python expression for the store; `server` is what {@link PythonStoreOptions.server} gives. */
  readonly store: string;
  /** Where the server is: JSON, asked for before each run. */
  server(): unknown;
}

/** Of each Python, the processes of its scripts: importing what a store needs takes Python a second. */
const processes = new WeakMap<Python, Map<string, PythonProcess>>();

/** Each run is a Python process of its own, with a store of its own. */
export class PythonStore {
  readonly #python: Python;
  readonly #script: string;
  readonly #server: () => unknown;

  constructor(python: Python, { imports, store, server }: PythonStoreOptions) {
    this.#python = python;
    this.#script = SCRIPT.replace("%IMPORTS%", () => imports).replace("%STORE%", () => store);
    this.#server = server;
  }

  /** Does the steps one after another, and gives their answers; a {@link PythonError} in the place of one that raised. */
  async run(...steps: Step[]): Promise<unknown[]> {
    const complete = steps.map(([method, parameters, options = {}]) => [method, parameters, options]);
    const answers = await this.#process().ask({ server: this.#server(), steps: complete });
    if (!Array.isArray(answers)) throw new Error("the script prints an array");
    return answers;
  }

  #process(): PythonProcess {
    const mine = processes.get(this.#python) ?? new Map<string, PythonProcess>();
    processes.set(this.#python, mine);
    const process = mine.get(this.#script) ?? this.#python.serve(this.#script);
    mine.set(this.#script, process);
    return process;
  }
}
