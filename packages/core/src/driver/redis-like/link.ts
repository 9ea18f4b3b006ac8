/** What a client library brings to a driver of Redis-like servers: a connection, and the ways to send. */
import type { KeyValueError } from "../../errors.ts";
import type { Call, MaybePromise, Report } from "../driver.ts";
import type { Layout } from "./layout.ts";

/** Its name, then its arguments. */
export type Command = readonly [string, ...string[]];

/** What a command is answered with, text as a string; an element of an array may be an error. */
export type CommandReply = string | number | null | readonly CommandReply[] | KeyValueError;

/**
 * The connection to one server, or to a cluster. Each request is sent at once and once (redirections apart, by which a
 * node of a cluster says that it has done nothing; and a read may be sent again), and rejects with what {@link explain}
 * then makes an error of.
 */
export interface Link {
  /**
   * Whether names lie on several servers. A command then has one name at most, by which it finds its server; those of
   * one batch go to several servers side by side.
   */
  readonly isCluster: boolean;
  /** See `Driver`. */
  readonly ready: boolean;
  open(call: Call, report: Report): Promise<void>;
  close(): MaybePromise<void>;

  get(name: string, call: Call): Promise<unknown>;
  /** SET, with PX where there is a time to live in milliseconds. */
  set(name: string, text: string, ttl: number | undefined, call: Call): Promise<unknown>;
  send(command: Command, call: Call): Promise<unknown>;
  /** Several commands in one exchange with each server. Their answers in order, an error in the place of what failed. */
  sendAll(commands: readonly Command[], call: Call): Promise<readonly CommandReply[]>;
  /** To one of the servers of {@link layout}. */
  sendTo(server: string, command: Command, call: Call): Promise<unknown>;
  /** The servers as they are now. */
  layout(call: Call): Promise<Layout>;

  /** The error for what one of the above rejected with. */
  explain(error: unknown): KeyValueError;
  /** A server answered with what cannot be an answer: the connection is of no more use. */
  outOfStep(): void;
}
