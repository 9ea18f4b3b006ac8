/** How the cache gets between an `McpServer` and its handlers: by public members of the SDK alone. */
import { InvalidArgumentError } from "@kv/core";
import type { McpServer, ServerContext } from "@modelcontextprotocol/server";
import { isRecord } from "./context.ts";
import { CACHED_METHODS, type CachedMethod, isCachedMethod } from "./methods.ts";

/** A request that a handler of the server is about to answer. */
export interface Intercepted {
  readonly method: CachedMethod;
  readonly params: unknown;
  readonly context: ServerContext;
  /** Whether it calls a tool that is annotated as one that only reads, and only what the server itself has. */
  readonly readOnly: boolean;
  next(): unknown;
}

/** The methods that a change of the server's tools, resources or prompts concerns. */
const CHANGES = {
  sendToolListChanged: ["tools/list", "tools/call"],
  sendResourceListChanged: ["resources/list", "resources/templates/list", "resources/read"],
  sendPromptListChanged: ["prompts/list", "prompts/get"],
} as const satisfies { readonly [event: string]: readonly CachedMethod[] };

/**
 * Lets `answer` answer all requests of cached methods. There is no middleware in the SDK: what is replaced are members
 * of this one instance. A server whose tools, resources or prompts change while it is connected answers for them
 * itself from then on, since what is kept is of its first state.
 * @throws InvalidArgumentError where handlers are installed already
 */
export function intercept(mcp: McpServer, answer: (request: Intercepted) => Promise<unknown>): void {
  const { server } = mcp;
  refuseLate(mcp);
  const tools = new Map<unknown, { readonly [member: string]: unknown }>();
  const changed = new Set<CachedMethod>();

  override(mcp, "registerTool", (register, args) => {
    const tool = register(...args);
    if (isRecord(tool)) tools.set(args[0], tool);
    return tool;
  });

  for (const [event, methods] of Object.entries(CHANGES)) {
    override(mcp, event, (send, args) => {
      if (mcp.isConnected()) for (const method of methods) changed.add(method);
      return send(...args);
    });
  }

  override(server, "setRequestHandler", (set, [method, ...rest]) => {
    const handler = rest.pop();
    if (typeof method !== "string" || !isCachedMethod(method) || typeof handler !== "function") {
      return set(method, ...rest, handler);
    }
    // With schemas of its own a handler is given the parameters alone.
    const takesRequest = rest.length === 0;
    return set(method, ...rest, (first: unknown, context: ServerContext) => {
      const params = takesRequest && isRecord(first) ? first.params : first;
      const next = (): unknown => Reflect.apply(handler, undefined, [first, context]);
      if (changed.has(method)) return next();
      const tool = method === "tools/call" && isRecord(params) ? tools.get(params.name) : undefined;
      if (tool?.enabled === false) return next();
      return answer({ method, params, context, readOnly: isReadOnly(tool?.annotations), next });
    });
  });
}

function refuseLate({ server }: McpServer): void {
  try {
    for (const method of CACHED_METHODS) server.assertCanSetRequestHandler(method);
  } catch (cause) {
    throw new InvalidArgumentError(
      "install the response cache right after `new McpServer(…)`: before tools, resources and prompts are registered",
      { cause },
    );
  }
}

function isReadOnly(annotations: unknown): boolean {
  return isRecord(annotations) && annotations.readOnlyHint === true && annotations.openWorldHint !== true;
}

/** Replaces a method of one object; `action` is given the original, bound. */
function override<T extends object>(
  target: T,
  name: string,
  action: (original: (...args: readonly unknown[]) => unknown, args: unknown[]) => unknown,
): void {
  const original: unknown = Reflect.get(target, name);
  if (typeof original !== "function") throw new InvalidArgumentError(`not an McpServer of the MCP SDK: no ${name}`);
  const bound = (...args: readonly unknown[]): unknown => Reflect.apply(original, target, args);
  const value = (...args: unknown[]): unknown => action(bound, args);
  Object.defineProperty(target, name, { value, writable: true, configurable: true });
}
