/** The driver over valkey-glide. */
import { type Driver, RedisLikeDriver } from "@kv/core/driver";
import { ValkeyLink } from "./link.ts";
import { type Client, checkedClient, settingsOf, type ValkeyDriverOptions } from "./options.ts";

/** The driver of one Valkey server, or of a cluster. */
export class ValkeyDriver extends RedisLikeDriver implements Driver {
  readonly name = "valkey";
  readonly #link: ValkeyLink;

  /** @throws InvalidArgumentError */
  constructor(options: ValkeyDriverOptions = {}) {
    const link = new ValkeyLink(options.client ? checkedClient(options.client, options) : settingsOf(options));
    super(link, options, true);
    this.#link = link;
  }

  /** The glide client: the caller's, or the store's own while it has one, which is another one after each connecting. */
  get client(): Client | undefined {
    return this.#link.client;
  }
}
