/** Indices come into being: at the first write, once, with our mapping; and again where somebody has deleted them. */
import { KeyValueError } from "@kv/core";
import type { Call } from "@kv/core/driver";
import { MAPPING } from "./documents.ts";
import type { Reads } from "./reads.ts";
import { explainRefusal, Refusal } from "./refusals.ts";
import { abandoned, type Server } from "./server.ts";

export class Indices {
  readonly #server: Server;
  readonly #reads: Reads;
  readonly #creating = new Map<string, Promise<unknown>>();

  constructor(server: Server, reads: Reads) {
    this.#server = server;
    this.#reads = reads;
  }

  /** Before the first write that this process does to an index: makes it, if it is not there. What prevented that. */
  async make(index: string, call: Call): Promise<KeyValueError | undefined> {
    while (!this.#server.known.has(index)) {
      if (call.ended) return abandoned();
      const others = this.#creating.get(index);
      if (others) {
        // Their call may end before ours.
        await others;
        continue;
      }
      const making = this.#makeAlone(index, call).finally(() => this.#creating.delete(index));
      this.#creating.set(index, making);
      const failure = await making;
      if (failure) return failure;
    }
    return undefined;
  }

  async #makeAlone(index: string, call: Call): Promise<KeyValueError | undefined> {
    const { known } = this.#server;
    try {
      // A permission to read is enough to learn that it is there.
      const [answer] = await this.#reads.read(index, ["kv"], call, ["key"]);
      if (answer instanceof KeyValueError) throw answer;
      if (!known.has(index) && (await this.#create(index, call))) known.add(index);
      return undefined;
    } catch (error) {
      if (error instanceof KeyValueError) return notApplied(error);
      throw error;
    }
  }

  /** Makes an index: false where somebody else has. */
  async #create(index: string, call: Call): Promise<boolean> {
    const body = JSON.stringify({ mappings: MAPPING });
    try {
      await this.#server.send({ method: "PUT", path: `/${encodeURIComponent(index)}`, body }, call);
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.type === "resource_already_exists_exception") return false;
      throw explainRefusal(error);
    }
  }

  /** Gives its mapping to an index that was made without by the write itself, or makes it where it was not even that. */
  async restore(index: string, call: Call): Promise<KeyValueError | undefined> {
    const path = `/${encodeURIComponent(index)}/_mapping`;
    try {
      await this.#server.send({ method: "PUT", path, body: JSON.stringify(MAPPING) }, call).catch((error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        if (!error.noIndex) throw explainRefusal(error);
        return this.#create(index, call);
      });
      return undefined;
    } catch (error) {
      if (error instanceof KeyValueError) return notApplied(error);
      throw error;
    }
  }
}

/** The record itself had not been sent. */
function notApplied(error: KeyValueError): KeyValueError {
  error.outcome = "not-applied";
  return error;
}
