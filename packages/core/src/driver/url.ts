/** Parts of store URLs that backends have in common. Messages never quote a URL: it may hold a password. */
import { InvalidArgumentError } from "../errors.ts";

export interface Address {
  readonly host: string;
  readonly port?: number;
}

/**
 * `host:6379`, `[::1]:6379` or less; the host is `localhost` where none is named.
 * @param store as in `"a Redis store"`, for the message
 * @throws InvalidArgumentError
 */
export function parseAddress(text: string, store: string): Address {
  const [match, v6, name = "", port] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*))(?::(\d+))?$/i.exec(text) ?? [];
  if (match === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) {
    throw new InvalidArgumentError(`an address in the URL of ${store} cannot be read: it is host:port`);
  }
  const host = v6 ?? (decodeUrlPart(name, store) || "localhost");
  return { host, ...(port !== undefined && { port: Number(port) }) };
}

/** What stands before the `@`: `user:password`, each percent-encoded; what is empty is left out. @throws InvalidArgumentError */
export function parseLogin(
  login: string | undefined,
  store: string,
): { readonly username?: string; readonly password?: string } {
  const [, username = "", password = ""] = /^([^:]*):?(.*)$/s.exec(login ?? "") ?? [];
  return {
    ...(username !== "" && { username: decodeUrlPart(username, store) }),
    ...(password !== "" && { password: decodeUrlPart(password, store) }),
  };
}

/** @throws InvalidArgumentError where it is not percent-encoded */
export function decodeUrlPart(text: string, store: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new InvalidArgumentError(`the URL of ${store} is not percent-encoded`);
  }
}
