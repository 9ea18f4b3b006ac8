/** Swaps by the cheapest way that the server knows: SET NX GET, a comparison of texts, a script. */
import type { Revision } from "../../record.ts";
import type { Call, RecordId, StoredRecord } from "../driver.ts";
import { formatTime, isForeign, revisionPrefix } from "../envelope.ts";
import { Comparing, SWAPPED } from "./comparing.ts";
import type { Link } from "./link.ts";
import { expiryArguments, nameOf, ttlOf } from "./records.ts";
import type { Replies } from "./replies.ts";
import { abandoned, run, SWAP } from "./scripts.ts";

export class Swaps {
  readonly #link: Link;
  readonly #replies: Replies;
  /** Redis 7 does the most common swap without a script. */
  #setsOrGets = true;
  readonly #compares: boolean;
  readonly #comparing = new Comparing();

  /** @param compares whether to find out if the server compares texts by itself */
  constructor(link: Link, replies: Replies, compares: boolean) {
    this.#link = link;
    this.#replies = replies;
    this.#compares = compares;
  }

  /** Begins to look at a server anew: it may be another one than before. */
  reset(): void {
    this.#setsOrGets = true;
    this.#comparing.reset(this.#compares);
  }

  /** A text that was read: it may be compared with soon. */
  remember(text: string | null | undefined): void {
    this.#comparing.remember(text);
  }

  /** What is there instead, or {@link SWAPPED}. `text` is that of `next`. */
  async swap(
    id: RecordId,
    expected: Revision | "absent",
    next: StoredRecord | undefined,
    text: string | undefined,
    call: Call,
  ): Promise<string | null | typeof SWAPPED> {
    const name = nameOf(id);
    if (expected === "absent" && next && text !== undefined && this.#setsOrGets) {
      try {
        const current = await this.#link.send(["set", name, text, "NX", "GET", ...expiryArguments(next)], call);
        return current === null ? SWAPPED : this.#replies.text(current);
      } catch (error) {
        if (!(error instanceof Error && /syntax error/.test(error.message))) throw this.#link.explain(error);
        this.#setsOrGets = false;
      }
    }
    const ttl = next && ttlOf(next);
    const expiry = next?.expiresAt === undefined ? "" : `"expires_at": "${formatTime(next.expiresAt)}", "key": `;
    const timing = ttl === undefined ? [] : ["PX", `${ttl}`];
    const after = (before: string): string[] => [
      text ?? "",
      ...(expiry !== "" && before.includes(expiry) ? ["KEEPTTL"] : timing),
    ];
    const compared = await this.#comparing
      .swap(name, expected, next && after, (command) => this.#link.send(command, call))
      .catch((error: unknown) => {
        throw this.#link.explain(error);
      });
    if (compared !== undefined) return compared === SWAPPED ? SWAPPED : this.#replies.text(compared);
    if (call.ended) throw abandoned();
    const wanted = expected === "absent" || isForeign(expected) ? expected : revisionPrefix(expected);
    const reply = await run(this.#link, SWAP, [name], [wanted, text ?? "", `${ttl ?? ""}`, expiry], call);
    const [swapped, current] = Array.isArray(reply) ? reply : [];
    return this.#replies.number(swapped) > 0 ? SWAPPED : this.#replies.text(current);
  }
}
