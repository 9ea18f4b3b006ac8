/** What is done to records whose keys are not known: listing them, and deleting what is found. */
import { KeyValueError } from "@kv/core";
import {
  type Call,
  type Cursor,
  type InexactNumbers,
  isLive,
  type Listed,
  type Page,
  type Scope,
} from "@kv/core/driver";
import { settled, unsent } from "./batches.ts";
import { decode } from "./documents.ts";
import type { Names } from "./names.ts";
import { Progress, Searches, safeExpiryOf } from "./searches.ts";
import type { Server } from "./server.ts";
import type { Write, Writes } from "./writes.ts";

export class Enumeration {
  readonly #searches: Searches;
  readonly #writes: Writes;
  readonly #names: Names;
  readonly #numbers: InexactNumbers;

  constructor(server: Server, writes: Writes, names: Names, numbers: InexactNumbers) {
    this.#searches = new Searches(server, names);
    this.#writes = writes;
    this.#names = names;
    this.#numbers = numbers;
  }

  async list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    values: boolean,
    cursor: Cursor | undefined,
    call: Call,
  ): Promise<Page<Listed>> {
    const { indices, after } = await this.#progress(scope, cursor, call);
    const [index = ""] = indices;
    const { found, next } = await this.#searches.page({ index, scope, after, values }, call);
    const live = found.filter(({ source }) => isLive({ expiresAt: safeExpiryOf(source) }));
    const items = live.map((one) => ({
      key: one.id.key,
      record: values ? settled(() => decode(one.id, one.source, one.text, this.#numbers)) : undefined,
    }));
    return { items, next: next === undefined ? undefined : new Progress(indices, next) };
  }

  async collections(prefix: string, cursor: Cursor | undefined, call: Call): Promise<Page<string>> {
    const scope = { collectionPrefix: prefix };
    const { indices } = await this.#progress(scope, cursor, call);
    if (indices.length === 0) return { items: [] };
    const { names, rest } = await this.#searches.collections(indices, scope, call);
    return { items: names, next: rest.length > 0 ? new Progress(rest) : undefined };
  }

  /** Deletes a page of what is found, unless it has been rewritten since. */
  async sweep(scope: Scope, cursor: Cursor | undefined, call: Call, expired: boolean): Promise<Cursor | undefined> {
    const { indices, after } = await this.#progress(scope, cursor, call);
    const [index, ...rest] = indices;
    if (index === undefined) return undefined;
    const { found, next } = await unsent(this.#searches.page({ index, scope, after, expired }, call));
    const writes = found
      .filter(({ source }) => !expired || !isLive({ expiresAt: safeExpiryOf(source) }))
      .map(({ id, position }): Write => ({ action: "delete", id: this.#names.idOf(id.key), position }));
    if (writes.length > 0) {
      const results = await this.#writes.write(index, writes, call);
      for (const result of results) if (result instanceof KeyValueError) throw result;
    }
    if (next !== undefined) return new Progress(indices, next);
    return rest.length > 0 ? new Progress(rest) : undefined;
  }

  async #progress(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Progress> {
    return cursor instanceof Progress ? cursor : new Progress(await this.#searches.indices(scope, call));
  }
}
