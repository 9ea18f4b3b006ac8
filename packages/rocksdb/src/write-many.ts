/** Many records in one write for each few megabytes, but for those that others are changing. */
import { KeyValueError } from "@kv/core";
import { type Settled, settle } from "@kv/core/driver";
import type { Change } from "./folder.ts";
import type { Turns } from "./turns.ts";

/** How much is written at a time, in characters: RocksDB's package copies it twice. */
const PART = 4_000_000;

interface Part {
  readonly places: number[];
  readonly changes: Change[];
  size: number;
}

/** In their order. Of two changes of one record one waits for the other. */
export async function writeMany(
  wanted: readonly Settled<Change>[],
  turns: Turns,
  write: (changes: readonly Change[]) => Promise<void>,
): Promise<Settled<void>[]> {
  const answers = new Array<Settled<void>>(wanted.length);
  const writes: Promise<void>[] = [];
  const later = async (at: number, change: Change): Promise<void> => {
    answers[at] = await turns.take(change.key, async () => settle(() => write([change])));
  };
  const send = async ({ places, changes }: Part): Promise<void> => {
    const answer = await settle(() => write(changes));
    for (const at of places) answers[at] = answer;
    for (const { key } of changes) turns.end(key);
  };
  let part = newPart();
  for (const [at, change] of wanted.entries()) {
    if (change instanceof KeyValueError) answers[at] = change;
    else if (!turns.begin(change.key)) writes.push(later(at, change));
    else {
      part.places.push(at);
      part.changes.push(change);
      part.size += change.next?.text.length ?? 0;
      if (part.size < PART) continue;
      writes.push(send(part));
      part = newPart();
    }
  }
  if (part.places.length > 0) writes.push(send(part));
  await Promise.all(writes);
  return answers;
}

function newPart(): Part {
  return { places: [], changes: [], size: 0 };
}
