// What several test files need beside the store: a look at the server that does not go through it.

import type { Server } from "@kv/test-servers";
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
