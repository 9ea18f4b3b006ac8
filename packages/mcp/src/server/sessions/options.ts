/** What users say about sessions. */
import type { Duration } from "@kv/core";
import type { EventStore, McpHandlerRequestOptions, McpServerFactory, Transport } from "@modelcontextprotocol/server";
import type { EncryptedStoreOptions } from "../../common/encrypted.ts";
import type { RequestContext } from "../context.ts";
import type { KvEventStore } from "../events/event-store.ts";

/** The SDK's `WebStandardStreamableHTTPServerTransport` is one. */
export type SessionTransport = Transport & {
  handleRequest(request: Request, options?: McpHandlerRequestOptions): Promise<Response>;
};

/** What a transport of the SDK is to be made with. */
export interface SessionTransportOptions {
  readonly sessionIdGenerator: () => string;
  readonly eventStore?: EventStore;
}

export interface KvSessionsOptions extends EncryptedStoreOptions<"write" | "atomic"> {
  /** Makes the server of a session, on each node that the session comes to. */
  readonly factory: McpServerFactory;
  /** `(options) => new WebStandardStreamableHTTPServerTransport(options)`, with whatever else it should be told. */
  readonly transport: (options: SessionTransportOptions) => SessionTransport;
  /** Lets clients resume streams that broke off, on any node. Default: what was missed is lost. */
  readonly events?: KvEventStore | undefined;
  /**
   * Whose a session is: nobody else can use it, nor learn that there is one. `undefined` refuses the request. Default:
   * `sub` and `iss` of `authInfo.extra`, else the access token; all without `authInfo` are one anonymous principal.
   */
  readonly principal?: ((context: RequestContext) => string | undefined) | undefined;
  /** How long a session lasts after its last request. Default: a day. */
  readonly ttl?: Duration | undefined;
  /**
   * How often a node looks whether sessions that it holds were ended on another, to close their streams, in
   * milliseconds or as a duration. No request is ever answered in a session that has ended. Default: 10 s.
   */
  readonly checkEvery?: number | string | undefined;
  /** How long to wait for the store, in milliseconds or as a duration such as `"500ms"`. Default: 1 s. */
  readonly timeout?: number | string | undefined;
  /** Told of each failure. */
  readonly onError?: ((error: unknown) => void) | undefined;
}
