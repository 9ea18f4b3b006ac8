// Measures kv beside the raw driver, case by case, until by processor time it has been seen at half of its target: on a
// busy machine that takes more rounds, and what has become twice as slow never gets there. Prints a line for each case.

import { prepare } from "../../src/backends.ts";
import { casesOf, titleOf } from "../../src/cases.ts";
import type { BackendName } from "../../src/contender.ts";
import { ContenderProcess } from "../../src/contender-process.ts";
import { linkToNode } from "../../src/link.ts";
import { targetOf } from "../../src/targets.ts";

const LEAST_ROUNDS = 3;
const MOST_ROUNDS = 40;
const ROUND = { counted: 40, timed: 4 };
/** In milliseconds; rounds warm up as well. */
const WARM_UP = 100;

/** The least processor time for an operation, which hardly depends on what else the machine does. */
class Best {
  cpu = Number.POSITIVE_INFINITY;

  async round(contender: ContenderProcess, index: number): Promise<void> {
    const { cpu } = await contender.round(index, ROUND);
    // So short a round may take none by the system's clock.
    if (cpu > 0) this.cpu = Math.min(this.cpu, cpu);
  }
}

async function guard(backend: BackendName): Promise<void> {
  const { place, skipped } = await prepare(backend);
  if (place === undefined) return console.log(`skipped ${backend}: ${skipped}`);
  await using _ended = place;
  const cases = casesOf(backend, ["get", "put"], false).filter((one) => targetOf(backend, one) !== undefined);
  await using raw = new ContenderProcess(backend, "raw", linkToNode());
  await using kv = new ContenderProcess(backend, "kv", linkToNode());
  for (const contender of [raw, kv]) await contender.open(place.location(contender.name), cases);
  for (const [index, one] of cases.entries()) {
    for (const contender of [raw, kv]) await contender.warmUp(index, WARM_UP);
    const wanted = (targetOf(backend, one) ?? 0) / 2;
    const [ours, theirs] = [new Best(), new Best()];
    let [share, rounds] = [0, 0];
    while (rounds < LEAST_ROUNDS || (share < wanted && rounds < MOST_ROUNDS)) {
      rounds++;
      await theirs.round(raw, index);
      await ours.round(kv, index);
      share = theirs.cpu / ours.cpu;
    }
    const verdict = share < wanted ? "slow" : "good";
    console.log(`${verdict} ${backend}, ${titleOf(one)}: ${share.toFixed(2)} of ${wanted} after ${rounds} rounds`);
  }
  for (const contender of [raw, kv]) await contender.close(place.shared);
}

await guard("memory");
await guard("redis");
