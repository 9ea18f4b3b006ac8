/** Swaps without a script, by servers that compare whole texts: SET with IFEQ (Valkey 8.1), DELIFEQ (Valkey 9). */
import type { Revision } from "../../record.ts";
import { isForeign, revisionPrefix } from "../envelope.ts";
import { OURS } from "./scripts.ts";

/** Sending a longer text once more costs more than it saves the server. In characters. */
const LONGEST = 4096;

/** How many texts are kept: those of records that are swapped soon after they were read or written. */
const MOST = 256;

/** In place of what is there instead. */
export const SWAPPED = Symbol("swapped");

/** What is known of the texts on a server, and of whether it compares them. */
export class Comparing {
  readonly #texts = new Map<string, string>();
  #sets = false;
  #deletes = false;

  /** Begins to look at a server anew. */
  reset(enabled: boolean): void {
    this.#sets = enabled;
    this.#deletes = enabled;
  }

  /** The text of a record that was read or written. Those of other programs have no revision to be found by. */
  remember(text: string | null | undefined): void {
    if (!this.#sets || !text?.startsWith(OURS) || text.length > LONGEST) return;
    const revision = text.slice(OURS.length, text.indexOf('"', OURS.length));
    this.#texts.delete(revision);
    this.#texts.set(revision, text);
    if (this.#texts.size <= MOST) return;
    const [oldest = ""] = this.#texts.keys();
    this.#texts.delete(oldest);
  }

  /**
   * If the record of this name has the revision, puts `next(text)` in the place of its text, or nothing. What is there
   * instead, or {@link SWAPPED}; `undefined` where only a script can tell, and nothing was changed. Rejects with what
   * `send` rejects with.
   */
  async swap(
    name: string,
    expected: Revision | "absent",
    next: ((text: string) => readonly string[]) | undefined,
    send: (command: readonly [string, ...string[]]) => Promise<unknown>,
  ): Promise<unknown> {
    const text = expected === "absent" || isForeign(expected) ? undefined : this.#texts.get(expected);
    if (text === undefined || !(next ? this.#sets : this.#deletes)) return undefined;
    try {
      // A number too may come as text. What is there instead, DELIFEQ does not tell.
      if (!next) return Number(await send(["delifeq", name, text])) === 1 ? SWAPPED : undefined;
      const [value = "", ...expiry] = next(text);
      const found = await send(["set", name, value, "IFEQ", text, "GET", ...expiry]);
      if (found === text) return SWAPPED;
      // That revision in another text: somebody has changed it by hand.
      return typeof found === "string" && found.startsWith(revisionPrefix(expected as Revision)) ? undefined : found;
    } catch (error) {
      if (!(error instanceof Error && /syntax error|unknown command|^NOPERM/i.test(error.message))) throw error;
      this.#deletes = false;
      if (next) this.#sets = false;
      return undefined;
    }
  }
}
