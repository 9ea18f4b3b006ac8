/** URLs of Redis-like servers, with one address or, for clusters and Sentinel, several. */
import { InvalidArgumentError } from "../../errors.ts";
import { type Address, decodeUrlPart, parseAddress, parseLogin } from "../url.ts";

export interface ServerUrl {
  readonly kind: "single" | "cluster" | "sentinel";
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly addresses: readonly [Address, ...Address[]];
  /** What the sentinels call the master. */
  readonly master?: string;
  readonly db?: number;
}

const KINDS: { readonly [plus: string]: ServerUrl["kind"] } = {
  "": "single",
  "+cluster": "cluster",
  "+sentinel": "sentinel",
};

/**
 * `scheme://user:password@host:6379/0`, `scheme+cluster://host:6379,host:6379`, and where there is Sentinel
 * `scheme+sentinel://host:26379,host:26379/master/0`; with an `s` after the scheme for TLS. Messages never quote the URL:
 * it may hold a password.
 * @throws InvalidArgumentError
 */
export function parseServerUrl(text: string, scheme: "redis" | "valkey", title: string): ServerUrl {
  const form = new RegExp(`^${scheme}(s?)(\\+cluster|\\+sentinel)?://(?:([^/?#]*)@)?([^/@?#]*)(?:/([^?#]*))?$`, "i");
  const match = form.exec(text);
  const [, secure, plus = "", login, hosts = "", path = ""] = match ?? [];
  const kind = KINDS[plus.toLowerCase()];
  if (!match || !kind || (kind === "sentinel" && scheme !== "redis")) {
    throw new InvalidArgumentError(
      `the URL of a ${title} store cannot be read: ${scheme}://user:password@host:6379/0 or ${scheme}+cluster://host:6379,host:6379`,
    );
  }
  const store = `a ${title} store`;
  const segments = path === "" ? [] : path.split("/");
  const master = kind === "sentinel" ? decodeUrlPart(segments.shift() ?? "", store) : undefined;
  const [db = ""] = segments;
  if (master === "")
    throw new InvalidArgumentError(`the URL of a sentinel names the master: ${scheme}+sentinel://host/name`);
  if (!/^\d*$/.test(db) || segments.length > 1) {
    throw new InvalidArgumentError(`the path of a ${title} URL ends with the number of a database: /0`);
  }
  const [first, ...others] = hosts.split(",").map((one) => parseAddress(one, store));
  if (first === undefined || (kind === "single" && others.length > 0)) {
    throw new InvalidArgumentError(`the URL of several ${title} servers begins with ${scheme}+cluster:`);
  }
  return {
    kind,
    tls: secure !== "",
    addresses: [first, ...others],
    ...parseLogin(login, store),
    ...(master !== undefined && { master }),
    ...(db !== "" && { db: Number(db) }),
  };
}
