/** Of which MCP server something is kept. */
import { InvalidArgumentError } from "@kv/core";

/**
 * The server's URL in one spelling: scheme and host in lower case, no default port, no fragment.
 * @throws InvalidArgumentError where it is no URL of a server, or holds a password
 */
export function canonicalServer(server: string | URL): string {
  if (!URL.canParse(String(server))) throw new InvalidArgumentError("server must be the URL of an MCP server");
  const url = new URL(server);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new InvalidArgumentError("server must be an http or https URL");
  }
  if (url.username !== "" || url.password !== "") {
    throw new InvalidArgumentError("the URL of a server must not hold a user name or a password");
  }
  url.hash = "";
  return url.href;
}

/** @throws InvalidArgumentError */
export function checkPrincipal(principal: unknown): asserts principal is string {
  if (typeof principal !== "string" || principal === "") {
    throw new InvalidArgumentError("principal must be a text that says whose data it is, such as a verified user id");
  }
}
