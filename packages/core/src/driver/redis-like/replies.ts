/** Reading what a server answered, without trust: what no server gives to that request ends the connection. */
import { asKeyValueError, BackendError, type KeyValueError } from "../../errors.ts";

export class Replies {
  readonly #outOfStep: () => void;

  constructor(outOfStep: () => void) {
    this.#outOfStep = outOfStep;
  }

  readonly ok = (reply: unknown): void => {
    if (reply !== "OK") throw this.#garbled(reply);
  };

  text(reply: unknown): string | null {
    if (typeof reply === "string" || reply === null) return reply;
    throw this.#garbled(reply);
  }

  texts(reply: unknown, length: number): (string | null)[] {
    return this.list(reply, length).map((text) => this.text(text));
  }

  list(reply: unknown, length?: number): readonly unknown[] {
    if (Array.isArray(reply) && (length === undefined || reply.length === length)) return reply;
    throw this.#garbled(reply);
  }

  /** A number, also where the client was told to give numbers as text. */
  number(reply: unknown): number {
    const number = typeof reply === "string" && reply !== "" ? Number(reply) : reply;
    if (typeof number === "number" && !Number.isNaN(number)) return number;
    throw this.#garbled(reply);
  }

  /** A reply that no server gives to that request; or the error that is there instead. */
  #garbled(reply: unknown): KeyValueError {
    if (reply instanceof Error) return asKeyValueError(reply);
    this.#outOfStep();
    return new BackendError("the server's answer is none to what was asked");
  }
}
