/**
 * The driver of MongoDB as it comes, with a document by its key and values as they are, as durable as kv's. It has no
 * increment: the server that stands in for MongoDB takes 200 ms for a findOneAndUpdate that inserts.
 */
import type { JsonValue } from "@kv/core";
import { MongoClient, MongoServerError } from "mongodb";
import type { Contender, Entry, Records } from "../contender.ts";

interface RawDocument {
  readonly _id: string;
  readonly value: JsonValue;
  readonly expiresAt?: Date;
}

export async function open(url: string): Promise<Contender> {
  const client = await new MongoClient(url, { w: "majority" }).connect();
  const collection = (name: string): Records => {
    const documents = client.db("bench_raw").collection<RawDocument>(name);
    return {
      get: async (key: string): Promise<unknown> => (await documents.findOne({ _id: key }))?.value,
      put: (key: string, value: JsonValue, options?: { readonly ttl: number }): Promise<unknown> =>
        documents.replaceOne(
          { _id: key },
          options === undefined ? { value } : { value, expiresAt: new Date(Date.now() + options.ttl * 1000) },
          { upsert: true },
        ),
      delete: (key: string): Promise<unknown> => documents.deleteOne({ _id: key }),
      async getMany(keys: readonly string[]): Promise<unknown[]> {
        const found = await documents.find({ _id: { $in: [...keys] } }).toArray();
        const values = new Map(found.map(({ _id, value }) => [_id, value]));
        return keys.map((key) => values.get(key));
      },
      putMany: (entries: readonly Entry[]): Promise<unknown> =>
        documents.bulkWrite(
          entries.map(({ key, value }) => ({
            replaceOne: { filter: { _id: key }, replacement: { value }, upsert: true },
          })),
          { ordered: false },
        ),
      async putIfAbsent(key: string, value: JsonValue): Promise<boolean> {
        try {
          await documents.insertOne({ _id: key, value });
          return true;
        } catch (error) {
          if (error instanceof MongoServerError && error.code === 11_000) return false;
          throw error;
        }
      },
      async *keys(): AsyncIterable<string> {
        for await (const { _id } of documents.find({}, { projection: { _id: 1 } })) yield _id;
      },
      clear: (): Promise<unknown> => documents.deleteMany({}),
    };
  };
  return { collection, close: () => client.close() };
}
