/**
 * Whether a request is still waiting for a connection of its own, so that nothing of it has been sent. The agents, which
 * make connections, and the calls know each other's requests by the id that the SDK gives to each.
 */
import type { Agent } from "node:http";
import type { Call } from "@kv/core/driver";

const ID = "amz-sdk-invocation-id";

/** What a command of the SDK offers: its steps, of which `deserialize` is the one around the request itself. */
interface Command {
  readonly middlewareStack: {
    add(
      middleware: <Arguments extends { readonly request: unknown }, T>(
        next: (given: Arguments) => Promise<T>,
      ) => (given: Arguments) => Promise<T>,
      options: { readonly step: "deserialize"; readonly priority: "low" },
    ): void;
  };
}

export class Connecting {
  readonly #calls = new Map<string, Call>();

  /**
   * Of a call's only write, or one whose precursors have done nothing: it counts as sent once there is a connection. Never
   * of a read, which says nothing of a write of the same call before it.
   */
  note(command: Command, call: Call): void {
    command.middlewareStack.add(
      (next) => async (given) => {
        const id = idIn(given.request);
        if (id === undefined) return next(given);
        this.#calls.set(id, call);
        try {
          return await next(given);
        } finally {
          this.#calls.delete(id);
        }
      },
      { step: "deserialize", priority: "low" },
    );
  }

  /** @param event by which a connection of the agent's says that it takes requests */
  watch(agent: Agent, event: "connect" | "secureConnect"): void {
    const add: unknown = Reflect.get(agent, "addRequest");
    if (typeof add !== "function") return;
    // Only while a request is being added is a connection that is made its own: later, one is made for whoever waits.
    let adding: Call | undefined;
    Reflect.set(agent, "addRequest", (...given: readonly unknown[]): unknown => {
      adding = this.#calls.get(idIn(given[1]) ?? "");
      try {
        return Reflect.apply(add, agent, given);
      } finally {
        adding = undefined;
      }
    });
    const connect = agent.createConnection.bind(agent);
    agent.createConnection = (options, callback) => {
      const waiting = adding;
      const socket = connect(options, callback);
      if (waiting && socket) {
        waiting.markSent(false);
        socket.once(event, () => waiting.markSent());
      }
      return socket;
    };
  }
}

function idIn(request: unknown): string | undefined {
  const headers: unknown = Reflect.get(Object(request), "headers");
  const id: unknown = Reflect.get(Object(headers), ID);
  return typeof id === "string" ? id : undefined;
}
