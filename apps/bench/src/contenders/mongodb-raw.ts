/** The driver of MongoDB as it comes, with a document by its key and values as they are, as durable as kv's. */
import type { JsonValue } from "@kv/core";
import { MongoClient } from "mongodb";
import type { Contender } from "../contender.ts";

interface RawDocument {
  readonly _id: string;
  readonly value: unknown;
}

export async function open(url: string): Promise<Contender> {
  const client = await new MongoClient(url, { w: "majority" }).connect();
  const documents = client.db("bench").collection<RawDocument>("raw");
  return {
    records: {
      get: async (key: string): Promise<unknown> => (await documents.findOne({ _id: key }))?.value,
      put: (key: string, value: JsonValue): Promise<unknown> =>
        documents.replaceOne({ _id: key }, { value }, { upsert: true }),
      delete: (key: string): Promise<unknown> => documents.deleteOne({ _id: key }),
    },
    close: () => client.close(),
  };
}
