// What several test files need beside the store: a look at the server that does not go through it.

import { type Link, Relay, type Server } from "@kv/test-servers";
import { type Collection, type Db, type Document, MongoClient } from "mongodb";

/** Where a store keeps its records unless it is told otherwise. */
export const DATABASE = "kv-store-adapter";

/** A plain client of the server, connected when it is used. */
export function clientOf(server: Server): MongoClient {
  return new MongoClient(server.url, { ...(server.ca && { ca: server.ca }) });
}

/** Leaves no collection, and with them no index. */
export async function empty(database: Db): Promise<void> {
  const found = await database.listCollections({}, { nameOnly: true }).toArray();
  for (const { name } of found) await database.collection(name).drop();
}

/** The documents, without their `_id`, in the order of their keys. */
export async function documents(collection: Collection): Promise<Document[]> {
  return collection
    .find({}, { projection: { _id: 0 }, sort: { key: 1, created_at: 1 }, promoteLongs: false })
    .toArray();
}

/** The names of the commands in a request's bytes: messages of one kind, with one document in the first place. */
class Requests {
  #bytes = Buffer.alloc(0);

  /** The names that are complete with these bytes. */
  add(bytes: Buffer): string[] {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const names: string[] = [];
    while (this.#bytes.length >= 4 && this.#bytes.length >= this.#bytes.readInt32LE()) {
      const message = this.#bytes.subarray(0, this.#bytes.readInt32LE());
      this.#bytes = this.#bytes.subarray(message.length);
      const isMessage = message.readInt32LE(12) === 2013;
      // Header, flags, kind of section, length of the document, type of its first element.
      if (isMessage) names.push(message.toString("utf8", 26, message.indexOf(0, 26)));
    }
    return names;
  }
}

/** Stands between a store and its server, counts the commands that pass, and loses replies when told to. */
export class Tap extends Relay {
  #counts = new Map<string, number>();
  #losing: string | undefined;

  static start(target: number): Promise<Tap> {
    return new Tap(target).listen();
  }

  get url(): string {
    return `mongodb://127.0.0.1:${this.port}`;
  }

  /** How many of each command have passed since this was last asked, those of the driver's own apart. */
  counts(): Record<string, number> {
    const counts = Object.fromEntries(this.#counts);
    this.#counts = new Map();
    return counts;
  }

  /** The next command of this name is done, but its reply lost, and the connection with it. */
  loseReplyTo(command: string): void {
    this.#losing = command;
  }

  protected override pass(link: Link): void {
    const { near, far } = link;
    const requests = new Requests();
    let losing = false;
    near.on("data", (bytes) => {
      for (const name of requests.add(bytes)) {
        if (["hello", "isMaster", "ismaster", "endSessions"].includes(name)) continue;
        this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
        if (name !== this.#losing) continue;
        losing = true;
        this.#losing = undefined;
      }
      far.write(bytes);
    });
    far.on("data", (bytes) => (losing ? this.drop(link) : near.write(bytes)));
  }
}
