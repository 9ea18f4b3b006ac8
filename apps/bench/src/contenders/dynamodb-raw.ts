/** The AWS SDK's low-level client as it comes, with consistent reads as kv's, with JSON by hand. */
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { JsonValue } from "@kv/core";
import { createTable } from "@kv/dynamodb";
import type { Contender, Entry, Records } from "../contender.ts";

/** Most records that the server takes in one batch of writes. */
const WRITES = 25;

export async function open(url: string): Promise<Contender> {
  await createTable({ url });
  const { username, password, hostname, pathname, searchParams } = new URL(url);
  const endpoint = searchParams.get("endpoint");
  const client = new DynamoDBClient({
    region: hostname,
    ...(endpoint !== null && { endpoint }),
    ...(username !== "" && { credentials: { accessKeyId: username, secretAccessKey: password } }),
  });
  const TableName = pathname.slice(1);
  const collection = (name: string): Records => {
    const keyOf = (key: string) => ({ collection: { S: `raw-${name}` }, key: { S: key } });
    const itemOf = (key: string, value: JsonValue) => ({ ...keyOf(key), value: { S: JSON.stringify(value) } });
    return {
      async get(key: string): Promise<unknown> {
        const command = new GetItemCommand({ TableName, Key: keyOf(key), ConsistentRead: true });
        return parsed((await client.send(command)).Item?.value?.S);
      },
      put: (key: string, value: JsonValue, options?: { readonly ttl: number }): Promise<unknown> => {
        const Item = itemOf(key, value);
        const expiry = options && { expires_at: { N: String(Math.ceil(Date.now() / 1000 + options.ttl)) } };
        return client.send(new PutItemCommand({ TableName, Item: { ...Item, ...expiry } }));
      },
      delete: (key: string): Promise<unknown> => client.send(new DeleteItemCommand({ TableName, Key: keyOf(key) })),
      async getMany(keys: readonly string[]): Promise<unknown[]> {
        const request = { Keys: keys.map(keyOf), ConsistentRead: true };
        const { Responses } = await client.send(new BatchGetItemCommand({ RequestItems: { [TableName]: request } }));
        const texts = new Map(Responses?.[TableName]?.map(({ key, value }) => [key?.S, value?.S]));
        return keys.map((key) => parsed(texts.get(key)));
      },
      async putMany(entries: readonly Entry[]): Promise<void> {
        const requests = entries.map(({ key, value }) => ({ PutRequest: { Item: itemOf(key, value) } }));
        for (let start = 0; start < requests.length; start += WRITES) {
          const RequestItems = { [TableName]: requests.slice(start, start + WRITES) };
          await client.send(new BatchWriteItemCommand({ RequestItems }));
        }
      },
      async putIfAbsent(key: string, value: JsonValue): Promise<boolean> {
        const condition = {
          ConditionExpression: "attribute_not_exists(#key)",
          ExpressionAttributeNames: { "#key": "key" },
        };
        try {
          await client.send(new PutItemCommand({ TableName, Item: itemOf(key, value), ...condition }));
          return true;
        } catch (error) {
          if (error instanceof ConditionalCheckFailedException) return false;
          throw error;
        }
      },
      increment: (key: string): Promise<unknown> =>
        client.send(
          new UpdateItemCommand({
            TableName,
            Key: keyOf(key),
            UpdateExpression: "ADD #count :one",
            ExpressionAttributeNames: { "#count": "count" },
            ExpressionAttributeValues: { ":one": { N: "1" } },
            ReturnValues: "UPDATED_NEW",
          }),
        ),
    };
  };
  return { collection, close: async () => client.destroy() };
}

function parsed(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text);
}
