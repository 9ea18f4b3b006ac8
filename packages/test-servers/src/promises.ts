// What tests of stores keep asking of promises, enumerations and the clock.

/** The error that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}

/** All that an enumeration gives. */
export async function listed<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** Resolves when `Date.now()` is past the moment: a timer may fire a little early. */
export async function clockPast(moment: number): Promise<void> {
  for (let now = Date.now(); now <= moment; now = Date.now()) {
    await new Promise((resolve) => setTimeout(resolve, moment - now + 1));
  }
}
