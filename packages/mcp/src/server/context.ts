/** What the cache looks at of a request: the part that the SDK's handlers and other frameworks have in common. */
import type { ServerContext } from "@modelcontextprotocol/server";

/** The SDK's `ServerContext` is one. All parts are optional, so that other frameworks can give what they have. */
export interface RequestContext {
  readonly http?: Pick<NonNullable<ServerContext["http"]>, "authInfo" | "req"> | undefined;
  readonly mcpReq?: Partial<Pick<ServerContext["mcpReq"], "inputResponses" | "requestState" | "envelope">> | undefined;
}

export { isRecord } from "../common/is-record.ts";
