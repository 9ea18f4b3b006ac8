/** Many calls without a clock, as before and after a measurement. */

/** So many at once that a disk does not take seconds, and so few that no client chokes. */
const AT_ONCE = 250;

export async function together(count: number, act: (index: number) => Promise<unknown>): Promise<void> {
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun < count) await act(begun++);
  };
  await Promise.all(Array.from({ length: Math.min(count, AT_ONCE) }, worker));
}
