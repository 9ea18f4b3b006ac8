// The contract of a running server, and of the recipes by which one kind of server is started.

import type { Source } from "./source.ts";

/** A server that tests talk to. */
export interface Server extends AsyncDisposable {
  readonly name: string;
  /** Where it answers, with the password of the default user if it has one. The same after a restart. */
  readonly url: string;
  readonly port: number;
  /** The PEM of the authority that signed its certificate; `undefined` if it does not speak TLS. */
  readonly ca: string | undefined;
  /** The servers that it is made of, masters first; none where it is a single one. What is done to it is done to all. */
  readonly nodes: readonly Server[];
  /** Given by the environment: not ours, so `kill`, `pause`, `resume` and `restart` throw, and `stop` does nothing. */
  readonly external: boolean;
  /** Ends the process and removes its data; resolves when nothing is left. May be called again. */
  stop(): Promise<void>;
  /** SIGKILL; resolves once the process is gone. Its port and data are kept for `restart`. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open and, once this returns, nothing answers. Throws if it is not running. */
  pause(): void;
  /** SIGCONT, after `pause`. Throws if it is not running. */
  resume(): void;
  /** Ends it if it runs, starts it on the same port and data, and resolves once it is ready. */
  restart(): Promise<void>;
  /** All that it has printed, also after `stop`. */
  logs(): string;
}

/** What every server can be started with. Who gives options gets a server of our own, never an external one. */
export interface StartOptions {
  /** The test kills, pauses, restarts or empties the server, so it must be its own. */
  readonly own?: boolean;
  /** More arguments for the server's program, after ours. */
  readonly args?: readonly string[];
}

/** A kind of server, and where its program comes from. */
interface Kind {
  readonly name: string;
  /** The environment variable that may hold the URL of an external server. */
  readonly variable: string;
  /** The port of an external server whose URL names none. */
  readonly port: number;
  /** Where its program can come from; the first that has it is taken. */
  readonly sources: readonly Source[];
}

/** How one kind of server is started: the one thing that a new kind of server must bring. */
export interface Recipe<Options extends StartOptions> extends Kind {
  /**
   * Called once for each server, before its first start. `folder` is empty and the server's own; so is `data`, which may
   * be the same one.
   */
  prepare(
    place: { readonly folder: string; readonly data: string; readonly host: string },
    options: Options,
  ): Promise<Plan>;
}

/** The same for a server that is made of several, all of one program. */
export interface CompositeRecipe<Options extends StartOptions> extends Kind {
  /** Starts them by `start`; whatever that has started is stopped where this rejects. */
  compose(start: StartNode, options: Options): Promise<Composition>;
}

export type StartNode = <Options extends StartOptions>(
  recipe: Pick<Recipe<Options>, "name" | "prepare">,
  options: Options,
) => Promise<Server>;

export interface Composition {
  readonly url: string;
  /** Masters first. */
  readonly nodes: readonly [Server, ...Server[]];
  /** Whether all of them work as one. Settles within seconds; never rejects. */
  ready(): Promise<boolean>;
}

export interface Plan {
  /** `second` is another free port, given where {@link needsSecondPort}. */
  args(port: number, second?: number): readonly string[];
  readonly needsSecondPort?: boolean;
  url(port: number): string;
  readonly ca: string | undefined;
  /** Whether the very server that we started answers on the port and takes work. Settles within seconds; never rejects. */
  ready(port: number): Promise<boolean>;
}
