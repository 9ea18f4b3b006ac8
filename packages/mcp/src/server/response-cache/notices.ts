/** What a server's own notices mean for the cache. */
import { InvalidArgumentError } from "@kv/core";
import type { ServerEvent } from "@modelcontextprotocol/server";
import { isRecord } from "../context.ts";
import type { Invalidation } from "./invalidations.ts";
import type { CachedMethod, Kind } from "./methods.ts";

const CHANGED: ReadonlyMap<string, Kind> = new Map([
  ["notifications/tools/list_changed", "tools"],
  ["notifications/resources/list_changed", "resources"],
  ["notifications/prompts/list_changed", "prompts"],
]);

/** What a notification to clients says is out of date, if anything. */
export function invalidationOf(notification: unknown): Invalidation | undefined {
  if (!isRecord(notification) || typeof notification.method !== "string") return undefined;
  const { method, params } = notification;
  const kind = CHANGED.get(method);
  if (kind) return { kind };
  if (method !== "notifications/resources/updated" || !isRecord(params)) return undefined;
  return typeof params.uri === "string" ? { resource: params.uri } : undefined;
}

/** What an event of the SDK's bus says is out of date. */
export function invalidationOfEvent(event: ServerEvent): Invalidation | undefined {
  switch (event.kind) {
    case "tools_list_changed":
      return { kind: "tools" };
    case "resources_list_changed":
      return { kind: "resources" };
    case "prompts_list_changed":
      return { kind: "prompts" };
    case "resource_updated":
      return { resource: event.uri };
    default:
      return undefined;
  }
}

/** Under which method a failure to invalidate is counted. */
export function methodOf(invalidation: Invalidation): CachedMethod {
  if ("tool" in invalidation) return "tools/call";
  if ("prompt" in invalidation) return "prompts/get";
  if ("kind" in invalidation) return `${invalidation.kind}/list`;
  return "resources/read";
}

/** @throws InvalidArgumentError */
export function checkInvalidation(given: Invalidation): void {
  const [[what, value] = [], ...more] = isRecord(given) ? Object.entries(given) : [];
  const named = ["tool", "resource", "prompt", "prefix"].includes(String(what)) && typeof value === "string";
  const kind = what === "kind" && [...CHANGED.values()].some((one) => one === value);
  if (more.length > 0 || !(named || kind || (what === "all" && value === true))) {
    throw new InvalidArgumentError(
      "invalidate takes one of { tool }, { resource }, { prompt }, { prefix }, { kind } and { all: true }",
    );
  }
}
