/** What a Memcached store can be told. Free of memjs' types, which not every project has. */
import type { InexactNumbers } from "@kv/core/driver";
import type { Naming } from "./names.ts";

/** memjs' Client, as far as the store uses it. */
export interface MemjsClient {
  readonly servers: readonly {
    readonly host: string;
    readonly port: number;
    readonly username?: string | undefined;
    readonly password?: string | undefined;
  }[];
  /** Which of the servers a key lies on. */
  getServer(key: string): number | string;
}

export interface ConnectionOptions {
  /** Default: `"localhost"`. */
  readonly host?: string | undefined;
  /** Default: 11211. */
  readonly port?: number | undefined;
  /** Several servers, in place of `host` and `port`. All who share them must name the same ones in the same order. */
  readonly servers?: readonly { readonly host: string; readonly port?: number | undefined }[] | undefined;
  /** Of SASL (PLAIN), on every server. A server without SASL ignores them. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** TLS. `ca` is the PEM of the authorities to trust in place of those that Node.js brings. Default: false. */
  readonly tls?: boolean | { readonly ca?: string | undefined } | undefined;
}

export type MemcachedDriverOptions = ConnectionOptions & {
  /**
   * `memcached://user:password@host:11211,host:11211`, or `memcacheds://` for TLS. What is given beside it counts
   * instead.
   */
  readonly url?: string | undefined;
  /**
   * A client of the caller's, in place of all connection options: its servers, their logins and its way to distribute
   * keys are used, over connections of the store's own. It is neither changed nor closed.
   */
  readonly client?: MemjsClient | undefined;
  /** Which names are hashed, see {@link Naming}. Default: `"python"`. */
  readonly names?: Naming | undefined;
  /** The servers' limit to one item (`-I`), in bytes. Default: 1 MiB, as memcached's own. */
  readonly maxItemBytes?: number | undefined;
  /** Integers beyond 2^53 and NaN that Python wrote: an error (the default), or the nearest value (null for NaN). */
  readonly numbers?: InexactNumbers | undefined;
};
