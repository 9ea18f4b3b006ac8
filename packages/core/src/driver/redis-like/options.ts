/** What the options of all Redis-like stores have in common. */
import { InvalidArgumentError } from "../../errors.ts";

/**
 * The connection options that were given.
 * @throws InvalidArgumentError where there is one that is not `known`
 */
export function givenOptions<T extends object>(options: T, known: readonly string[], title: string): Partial<T> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const unknown = given.find(([name]) => !known.includes(name));
  if (unknown) throw new InvalidArgumentError(`"${unknown[0]}" is no option of a ${title} store`);
  return Object.fromEntries(given) as Partial<T>;
}

/** @throws InvalidArgumentError where a client of the caller's has faults, or connection options beside it */
export function refuseClient(faults: readonly string[], beside: Partial<object>): void {
  if (Object.keys(beside).length > 0) {
    throw new InvalidArgumentError("give a client or connection options, not both");
  }
  if (faults.length > 0) throw new InvalidArgumentError(`this client would break the contract: ${faults.join("; ")}`);
}
