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
