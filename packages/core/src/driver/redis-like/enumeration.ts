/** Going through all names of all servers, and telling which are records of ours. */
import { CorruptRecordError } from "../../errors.ts";
import {
  type Call,
  type Cursor,
  isInScope,
  type Listed,
  type Page,
  type RecordId,
  type Scope,
  type Settled,
  type StoredRecord,
} from "../driver.ts";
import { statedName } from "../envelope.ts";
import { settled } from "../layer.ts";
import type { Link } from "./link.ts";
import { patternOf } from "./patterns.ts";
import { type Reading, readLoosely } from "./reading.ts";
import { idOf, nameOf } from "./records.ts";
import type { Replies } from "./replies.ts";
import { Scan } from "./scan.ts";
import { abandoned } from "./scripts.ts";

/** How many names a server looks at in one SCAN: some 100 µs of its time. */
const SCAN_COUNT = "1000";

/** How many records are read at once to see whether they are ours: names are collected over replies until they are so many. */
const PAGE = 500;

interface Found {
  readonly id: RecordId;
  /** Absent where it has expired. */
  readonly record: Settled<StoredRecord> | undefined;
}

/** How many passes there are at most, in a cluster that does not come to rest. */
const PASSES = 5;

/**
 * A pass goes over one server after the other. Where records may have moved during it from one that was still to come
 * to one that had been, or a cursor has become void, another pass follows, until nothing has moved during one. What is on
 * its way throughout two passes moves but once, and lies still for one of the two.
 */
export class Enumeration {
  readonly #link: Link;
  readonly #replies: Replies;
  readonly #decode: (id: RecordId, text: string) => StoredRecord | undefined;

  constructor(link: Link, replies: Replies, decode: (id: RecordId, text: string) => StoredRecord | undefined) {
    this.#link = link;
    this.#replies = replies;
    this.#decode = decode;
  }

  async list(
    scope: { readonly collection: string; readonly keyPrefix: string },
    options: { readonly values: boolean; readonly cursor: Cursor | undefined },
    call: Call,
  ): Promise<Page<Listed>> {
    const position = Scan.of(options.cursor);
    const { seen } = position;
    const isNew = (id: RecordId): boolean => isInScope(id, scope) && !seen.has(id.key);
    const { found, next } = await this.#step(position, patternOf(scope), isNew, call);
    const live = found.filter(({ record }) => record !== undefined);
    // From here to the caller nothing can fail, so that what is marked as seen has been seen.
    for (const { id } of live) seen.add(id.key);
    return {
      items: live.map(({ id, record }) => ({ key: id.key, record: options.values ? record : undefined })),
      next,
    };
  }

  async collections(prefix: string, cursor: Cursor | undefined, call: Call): Promise<Page<string>> {
    const position = Scan.of(cursor);
    const { seen } = position;
    const scope = { collectionPrefix: prefix };
    const isNew = (id: RecordId): boolean => isInScope(id, scope) && !seen.has(id.collection);
    const { found, next } = await this.#step(position, patternOf(scope), isNew, call);
    const live = found.filter(({ record }) => record !== undefined);
    const items = [...new Set(live.map(({ id }) => id.collection))];
    for (const item of items) seen.add(item);
    return { items, next };
  }

  async clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    const isOurs = (id: RecordId): boolean => isInScope(id, scope);
    const { found, next } = await this.#step(Scan.of(cursor), patternOf(scope), isOurs, call);
    if (found.length > 0)
      await this.#unlink(
        found.map(({ id }) => nameOf(id)),
        call,
      );
    return next;
  }

  async #unlink(names: readonly string[], call: Call): Promise<void> {
    if (!this.#link.isCluster) {
      this.#replies.number(await this.#send(this.#link.send(["unlink", ...names], call)));
      return;
    }
    const replies = await this.#link.sendAll(
      names.map((name) => ["unlink", name]),
      call,
    );
    for (const reply of replies) this.#replies.number(reply);
  }

  /** The next names that are records of ours and `wanted`; `record` is absent where it has expired. */
  async #step(
    position: Scan,
    pattern: string,
    wanted: (id: RecordId) => boolean,
    call: Call,
  ): Promise<{ readonly found: readonly Found[]; readonly next: Scan | undefined }> {
    let scan = position.layout ? position : position.over(await this.#link.layout(call), 0, false);
    if (scan.pending.length < PAGE && scan.servers.length > 0) {
      scan = await this.#scan(scan, pattern, call);
      if (call.ended) throw abandoned();
    }
    const ids = scan.pending.filter(wanted);
    // A reply of a large database may hold a few names of ours: to read each few by themselves would double the exchanges.
    if (ids.length < PAGE && scan.servers.length > 0) return { found: [], next: scan.holding(ids) };
    const chunk = ids.slice(0, PAGE);
    const reading: Reading = { link: this.#link, replies: this.#replies, call };
    const texts = chunk.length > 0 ? await readLoosely(reading, chunk.map(nameOf)) : [];
    const found = texts.flatMap((text, index) => {
      const id = chunk[index];
      return text === null || id === undefined ? [] : this.#recognize(id, text);
    });
    if (call.ended) throw abandoned();
    const rest = scan.holding(ids.slice(PAGE));
    if (rest.pending.length > 0 || rest.servers.length > 0) return { found, next: rest };
    return { found, next: await this.#nextPass(rest, call) };
  }

  /** One page of the first server's names, after those that are held. */
  async #scan(scan: Scan, pattern: string, call: Call): Promise<Scan> {
    const [server = ""] = scan.servers;
    let reply: unknown;
    try {
      reply = await this.#link.sendTo(server, ["scan", scan.at, "MATCH", pattern, "COUNT", SCAN_COUNT], call);
    } catch (error) {
      const explained = this.#link.explain(error);
      if (call.ended) throw explained;
      // It may be one no more.
      const layout = await this.#link.layout(call);
      if (layout.version === scan.layout?.version) throw explained;
      return scan.over(layout, scan.passes, false);
    }
    const [at, names] = this.#replies.list(reply, 2);
    const held = new Set(scan.pending.map(nameOf));
    const ids = [...new Set(this.#replies.list(names))].flatMap((name) => {
      const text = this.#replies.text(name);
      return text === null || held.has(text) ? [] : (idOf(text) ?? []);
    });
    return scan.after(this.#replies.text(at) ?? "0").holding([...scan.pending, ...ids]);
  }

  /** Once all servers have given all names: nothing, or the beginning of another pass over them. */
  async #nextPass(scan: Scan, call: Call): Promise<Scan | undefined> {
    const layout = await this.#link.layout(call);
    const same = layout.version === scan.layout?.version;
    if ((same && (!layout.moving || scan.steady)) || scan.passes + 1 >= PASSES) return undefined;
    return scan.over(layout, scan.passes + 1, same);
  }

  /** The record in what lies under a name; nothing where its own names do not lead there. */
  #recognize(id: RecordId, text: string): Found[] {
    const record = settled(() => this.#decode(id, text));
    if (record instanceof CorruptRecordError) {
      const stated = statedName(text);
      if (stated?.collection !== id.collection || stated.key !== id.key) return [];
    }
    return [{ id, record }];
  }

  #send(reply: Promise<unknown>): Promise<unknown> {
    return reply.catch((error: unknown) => {
      throw this.#link.explain(error);
    });
  }
}
