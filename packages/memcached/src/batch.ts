/** Batches: each server is sent its part at once, and what goes wrong there concerns its own records alone. */
import { KeyValueError } from "@kv/core";
import { type Call, inTime, type Settled, settled, silent } from "@kv/core/driver";
import type { Link } from "./link.ts";
import type { Reply, Request } from "./protocol.ts";

/** One item's share. */
export interface Part<R> {
  readonly link: Link;
  readonly requests: readonly Request[];
  /** From the replies to its requests. May throw, for this item alone. */
  answer(replies: readonly (Reply | undefined)[]): R;
}

/**
 * One exchange with each server that an item lies on. `partOf` may throw, for this item alone: nothing of it is sent.
 * @param writes marks the call as sent
 */
export async function inBatch<T, R>(
  items: readonly T[],
  call: Call,
  writes: boolean,
  partOf: (item: T) => Part<R>,
): Promise<readonly Settled<R>[]> {
  const answers: Settled<R>[] = new Array(items.length);
  const groups = new Map<Link, { readonly at: number; readonly part: Part<R> }[]>();
  for (const [at, item] of items.entries()) {
    const part = settled(() => partOf(item));
    if (part instanceof KeyValueError) {
      answers[at] = part;
      continue;
    }
    const group = groups.get(part.link);
    if (group) group.push({ at, part });
    else groups.set(part.link, [{ at, part }]);
  }
  if (writes) call.markSent(false);
  const exchanges = [...groups].map(async ([link, group]) => {
    let sent = false;
    try {
      const requests = group.flatMap(({ part }) => part.requests);
      // All of them are quiet: what ends the exchange is the answer to the last.
      const asking = link.askAll([...requests, { command: "NOOP" }], call, writes, () => {
        sent = true;
      });
      // Of a server that is alone there are no others to tell of.
      const replies = groups.size === 1 ? await asking : await inTime(call, asking, () => undefined);
      if (!replies) throw silent(sent);
      let from = 0;
      for (const { at, part } of group) {
        const own = replies.slice(from, from + part.requests.length);
        answers[at] = settled(() => part.answer(own));
        from += own.length;
      }
    } catch (error) {
      if (!(error instanceof KeyValueError)) throw error;
      for (const { at } of group) answers[at] = error;
    }
  });
  await Promise.all(exchanges);
  return answers;
}
