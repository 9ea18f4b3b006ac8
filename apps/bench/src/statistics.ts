/** What a handful of rounds comes to. Every function wants at least one number, and gives NaN for none. */

export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

/** Between two numbers by their distance, so that few rounds do not jump. */
export function quantile(numbers: readonly number[], part: number): number {
  const ascending = numbers.toSorted((a, b) => a - b);
  const position = (ascending.length - 1) * part;
  const below = ascending[Math.floor(position)] ?? Number.NaN;
  const above = ascending[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

/** How far apart the rounds were: (max − min) / median. */
export function spread(numbers: readonly number[]): number {
  return (Math.max(...numbers) - Math.min(...numbers)) / median(numbers);
}

const RESAMPLES = 2000;

/**
 * Where the ratio of two medians lies 99 times of 100, by the bootstrap: of as many numbers drawn from each, with
 * repetition, over and over.
 */
export function ratioInterval(before: readonly number[], after: readonly number[]): readonly [number, number] {
  const draw = lots();
  const resampled = (numbers: readonly number[]): number =>
    median(numbers.map(() => numbers[Math.floor(draw() * numbers.length)] ?? Number.NaN));
  const ratios = Array.from({ length: RESAMPLES }, () => resampled(after) / resampled(before));
  return [quantile(ratios, 0.005), quantile(ratios, 0.995)];
}

/** Numbers from 0 to 1 as by chance, and the same ones each time (mulberry32). */
function lots(): () => number {
  let state = 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
