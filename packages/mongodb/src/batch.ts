/** Batches in parts: each request is about one collection, and below the largest message. */
import { KeyValueError } from "@kv/core";
import { type Call, type Settled, stillWanted } from "@kv/core/driver";

/** A server takes requests that are a little larger than the largest document, which has 16 MiB. */
const REQUEST_BYTES = 12 * 2 ** 20;

/** What a batch asks for one record, and how many bytes of a request that takes at most. */
export interface Item {
  readonly collection: string;
  readonly bytes: number;
}

interface Part<T> {
  readonly collection: string;
  readonly items: T[];
  /** Where in the batch they stand. */
  readonly positions: number[];
  bytes: number;
}

/**
 * The answers to all items, in order, part after part. A part that fails as a whole ends the batch: what follows is not
 * sent, and fails with the same error.
 */
export async function inParts<T extends Item, R>(
  items: readonly T[],
  call: Call,
  run: (collection: string, items: readonly T[]) => Promise<readonly Settled<R>[]>,
): Promise<Settled<R>[]> {
  const parts = partsOf(items);
  const answers = new Array<Settled<R>>(items.length);
  let failure: KeyValueError | undefined;
  for (const [number, part] of parts.entries()) {
    let settled: readonly Settled<R>[];
    try {
      if (failure) throw failure;
      if (number > 0) stillWanted(call);
      settled = await run(part.collection, part.items);
    } catch (error) {
      if (parts.length === 1 || !(error instanceof KeyValueError)) throw error;
      settled = part.items.map(() => error);
      failure ??= error.copy("not-applied");
    }
    for (const [index, position] of part.positions.entries()) answers[position] = settled[index] as Settled<R>;
  }
  return answers;
}

function partsOf<T extends Item>(items: readonly T[]): Part<T>[] {
  const parts: Part<T>[] = [];
  const open = new Map<string, Part<T>>();
  for (const [position, item] of items.entries()) {
    let part = open.get(item.collection);
    if (part === undefined || part.bytes + item.bytes > REQUEST_BYTES) {
      part = { collection: item.collection, items: [], positions: [], bytes: 0 };
      parts.push(part);
      open.set(item.collection, part);
    }
    part.items.push(item);
    part.positions.push(position);
    part.bytes += item.bytes;
  }
  return parts;
}
