/** kv in DynamoDB, with its defaults. */
import { createTable, dynamodbStore } from "@kv/dynamodb";
import type { Contender } from "../contender.ts";

export async function open(url: string): Promise<Contender> {
  await createTable({ url });
  const store = dynamodbStore({ url });
  return { collection: (name) => store.collection(name), close: () => store.close() };
}
