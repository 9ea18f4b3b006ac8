/** A session on this node: a server of its own, and the transport through which it is reached. */
import type { JsonObject } from "@kv/core";
import type {
  EventStore,
  JSONRPCMessage,
  McpHandlerRequestOptions,
  McpServerFactory,
} from "@modelcontextprotocol/server";
import { isRecord } from "../context.ts";
import type { SessionTransport, SessionTransportOptions } from "./options.ts";

interface Parts {
  readonly factory: McpServerFactory;
  readonly transport: (options: SessionTransportOptions) => SessionTransport;
  readonly events: EventStore | undefined;
  /** Told when it has ended on this node. */
  closed(): void;
}

export class Session {
  readonly #transport: SessionTransport;
  readonly #close: () => Promise<void>;
  /** What is to be told when it ends on this node. */
  readonly #waiting = new Set<() => void>();
  /** The parameters of `initialize`, once the client has sent it. */
  initialize: JsonObject | undefined;

  private constructor(transport: SessionTransport, close: () => Promise<void>) {
    this.#transport = transport;
    this.#close = close;
  }

  /** A session that waits for `initialize`. */
  static async begin(
    id: string,
    { factory, transport: make, events, closed }: Parts,
    request: Request,
    { authInfo }: McpHandlerRequestOptions,
  ): Promise<Session> {
    const server = await factory({ era: "legacy", requestInfo: request, ...(authInfo && { authInfo }) });
    const transport = make({ sessionIdGenerator: () => id, ...(events && { eventStore: events }) });
    await server.connect(transport);
    const { onmessage, onclose } = transport;
    const session = new Session(transport, () => server.close());
    transport.onclose = () => {
      closed();
      for (const end of session.#waiting) end();
      onclose?.();
    };
    transport.onmessage = (message, extra) => {
      session.initialize ??= initializeOf(message);
      onmessage?.(message, extra);
    };
    return session;
  }

  /** The session as it was after `initialize` and `initialized`, which another node has answered. */
  static async resume(
    id: string,
    initialize: JsonObject,
    parts: Parts,
    request: Request,
    options: McpHandlerRequestOptions,
  ): Promise<Session> {
    let resuming = true;
    const { events } = parts;
    // What is answered to nobody is no event.
    const muted: EventStore | undefined = events && {
      storeEvent: (streamId, message) => (resuming ? Promise.resolve("") : events.storeEvent(streamId, message)),
      getStreamIdForEventId: async (eventId) => events.getStreamIdForEventId?.(eventId),
      replayEventsAfter: (lastEventId, to) => events.replayEventsAfter(lastEventId, to),
    };
    const session = await Session.begin(id, { ...parts, events: muted }, request, options);
    const { authInfo } = options;
    const tell = async (message: object): Promise<void> => {
      const answer = await session.#transport.handleRequest(
        posted(request.url, id, { jsonrpc: "2.0", ...message }),
        authInfo && { authInfo },
      );
      const text = await answer.text();
      if (!answer.ok) throw new Error(`the session cannot be resumed: its server answers ${answer.status} ${text}`);
    };
    try {
      await tell({ id: "kv-resume", method: "initialize", params: initialize });
      await tell({ method: "notifications/initialized" });
    } catch (error) {
      await session.close();
      throw error;
    }
    resuming = false;
    return session;
  }

  /** `undefined` where the session ends meanwhile: the SDK would let a caller who wants JSON wait for ever. */
  answer(request: Request, options: McpHandlerRequestOptions): Promise<Response | undefined> {
    return new Promise((resolve, reject) => {
      const end = (): void => resolve(undefined);
      this.#waiting.add(end);
      this.#transport
        .handleRequest(request, options)
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(end));
    });
  }

  /** Ends its streams on this node. */
  close(): Promise<void> {
    return this.#close();
  }
}

function initializeOf(message: JSONRPCMessage): JsonObject | undefined {
  const isInitialize = "method" in message && message.method === "initialize" && isRecord(message.params);
  return isInitialize ? JSON.parse(JSON.stringify(message.params)) : undefined;
}

function posted(url: string, id: string, message: object): Request {
  const headers = {
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    "mcp-session-id": id,
  };
  return new Request(url, { method: "POST", headers, body: JSON.stringify(message) });
}
