/** How the collections of a folder are found: from one's first live record to the next collection, over all that lies between. */
import { type Cursor, isInScope, type RecordId } from "../driver.ts";
import { after, afterCollection, rangeOf } from "./names.ts";

/** Its user looks for the first name from `start` up to `end`, and passes it, until there is none. */
export class CollectionWalk {
  /** The collections so far. */
  readonly items: string[] = [];
  readonly end: Buffer;
  readonly #prefix: string;
  #start: Buffer;

  /** @param cursor where another walk stood, to go on there */
  constructor(prefix: string, cursor: Cursor | undefined) {
    const { start, end } = rangeOf({ collectionPrefix: prefix });
    this.#prefix = prefix;
    this.#start = cursor instanceof Buffer ? cursor : start;
    this.end = end;
  }

  get start(): Buffer {
    return this.#start;
  }

  /** @param id whose the record of this name is; `undefined` where it is not live */
  pass(name: Buffer, id: RecordId | undefined): void {
    this.#start = id ? afterCollection(name) : after(name);
    if (id && isInScope(id, { collectionPrefix: this.#prefix })) this.items.push(id.collection);
  }
}
