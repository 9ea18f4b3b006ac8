/** How the cache gets between an `McpServer` and its handlers: by public members of the SDK alone. */
import { InvalidArgumentError } from "@kv/core";
import type { McpServer, ServerContext } from "@modelcontextprotocol/server";
import { isRecord } from "../context.ts";
import type { Invalidation } from "./invalidations.ts";
import { CACHED_METHODS, type CachedMethod, isCachedMethod, type Kind, kindOf } from "./methods.ts";
import { invalidationOf } from "./notices.ts";

/** A request that a handler of the server is about to answer. */
export interface Intercepted {
  readonly method: CachedMethod;
  readonly params: unknown;
  readonly context: ServerContext;
  /** Whether it calls a tool that is annotated as one that only reads, and only what the server itself has. */
  readonly readOnly: boolean;
  next(): unknown;
}

export interface Interceptor {
  answer(request: Intercepted): Promise<unknown>;
  /** The server tells its client that something has changed. */
  changed(invalidation: Invalidation): void;
}

const REGISTERING: { readonly [method: string]: Kind } = {
  registerTool: "tools",
  registerResource: "resources",
  registerPrompt: "prompts",
};

/**
 * Lets the interceptor answer all requests of cached methods. There is no middleware in the SDK: what is replaced are
 * members of this one instance. A server whose tools, resources or prompts are changed while it is connected answers
 * for them itself from then on, since others may not have the change.
 * @throws InvalidArgumentError where handlers are installed already
 */
export function intercept(mcp: McpServer, { answer, changed }: Interceptor): void {
  const { server } = mcp;
  refuseLate(mcp);
  const tools = new Map<unknown, { readonly [member: string]: unknown }>();
  const ownKinds = new Set<Kind>();
  const notify = (notice: unknown): void => {
    const invalidation = invalidationOf(notice);
    if (invalidation) changed(invalidation);
  };

  for (const [name, kind] of Object.entries(REGISTERING)) {
    const touched = (): void => {
      if (mcp.isConnected()) ownKinds.add(kind);
    };
    override(mcp, name, (register, args) => {
      const registered = register(...args);
      touched();
      if (!isRecord(registered)) return registered;
      if (kind === "tools") tools.set(args[0], registered);
      override(registered, "update", (update, updates) => {
        touched();
        return update(...updates);
      });
      return registered;
    });
  }

  override(server, "notification", (send, args) => {
    notify(args[0]);
    return send(...args);
  });

  override(server, "setRequestHandler", (set, [method, ...rest]) => {
    const handler = rest.pop();
    if (typeof method !== "string" || !isCachedMethod(method) || typeof handler !== "function") {
      return set(method, ...rest, handler);
    }
    // With schemas of its own a handler is given the parameters alone.
    const takesRequest = rest.length === 0;
    return set(method, ...rest, (first: unknown, context: ServerContext) => {
      const params = takesRequest && isRecord(first) ? first.params : first;
      if (isRecord(context.mcpReq) && "notify" in context.mcpReq) {
        override(context.mcpReq, "notify", (send, args) => {
          notify(args[0]);
          return send(...args);
        });
      }
      const next = (): unknown => Reflect.apply(handler, undefined, [first, context]);
      if (ownKinds.has(kindOf(method))) return next();
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
