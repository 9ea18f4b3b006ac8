/** What is done to records whose keys are not known: listing them, and deleting what is found. */
import {
  type Call,
  type Cursor,
  type InexactNumbers,
  isInScope,
  type Listed,
  type Page,
  type Scope,
} from "@kv/core/driver";
import { allOf, groupsOf } from "./batches.ts";
import { type Condition, expired } from "./conditions.ts";
import { type Found, isThere, keyOf, recognize } from "./items.ts";
import { Position } from "./position.ts";
import type { Requests } from "./requests.ts";

/** How many records one step of a sweep deletes. */
const STEP = 250;

export class Enumeration {
  readonly #requests: Requests;
  readonly #numbers: InexactNumbers;

  constructor(requests: Requests, numbers: InexactNumbers) {
    this.#requests = requests;
    this.#numbers = numbers;
  }

  async list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    options: { readonly values: boolean; readonly cursor: Cursor | undefined },
    call: Call,
  ): Promise<Page<Listed>> {
    const { found, next } = await this.#page(scope, Position.of(options.cursor), undefined, call);
    return {
      items: found
        .filter((one) => isThere(one.record))
        .map(({ id, record }) => ({ key: id.key, record: options.values ? record : undefined })),
      next,
    };
  }

  async collections(prefix: string, cursor: Cursor | undefined, call: Call): Promise<Page<string>> {
    const position = Position.of(cursor);
    const { found, next } = await this.#page({ collectionPrefix: prefix }, position, undefined, call);
    const names = new Set(found.filter(({ record }) => isThere(record)).map(({ id }) => id.collection));
    const items = [...names].filter((name) => !position.seen.has(name));
    // From here to the caller nothing can fail, so that what is marked as seen has been seen.
    for (const name of items) position.seen.add(name);
    return { items, next };
  }

  async clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    const { found, next } = await this.#page(scope, Position.of(cursor), undefined, call, STEP);
    await allOf(call, groupsOf(found.map(({ id }) => keyOf(id))), async (keys) => {
      const undone = await this.#requests.deleteMany(keys, call);
      if (undone) throw undone.error;
    });
    return next;
  }

  /** What was overwritten since it was read is left alone. DynamoDB itself deletes what has expired only within days. */
  async cull(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    const { found, next } = await this.#page(scope, Position.of(cursor), expired(), call, STEP);
    await allOf(call, found, ({ id }) => this.#requests.writeIf(expired(), keyOf(id), undefined, call, false));
    return next;
  }

  /** The next records of the scope, expired ones too; no more than so many, where that is given. */
  async #page(
    scope: Scope,
    position: Position,
    filter: Condition | undefined,
    call: Call,
    most = Number.POSITIVE_INFINITY,
  ): Promise<{ readonly found: readonly Found[]; readonly next: Position | undefined }> {
    let { after, pending, more } = position;
    if (pending.length === 0) {
      const { items, last } = await this.#requests.page(scope, after, filter, call);
      pending = items.flatMap((item) => recognize(item, this.#numbers) ?? []);
      pending = pending.filter(({ id }) => isInScope(id, scope));
      after = last;
      more = last !== undefined;
    }
    const rest = pending.slice(most);
    const next = rest.length > 0 || more ? new Position(after, rest, more, position.seen) : undefined;
    return { found: pending.slice(0, most), next };
  }
}
