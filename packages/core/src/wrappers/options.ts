/** Checks of what wrappers are made with. */
import { InvalidArgumentError } from "../errors.ts";

/** A number of bytes. @throws InvalidArgumentError */
export function sizeOption(name: string, value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least || value > most) {
    throw new InvalidArgumentError(`${name} must be a whole number of bytes from ${least} to ${most}`);
  }
  return value;
}
