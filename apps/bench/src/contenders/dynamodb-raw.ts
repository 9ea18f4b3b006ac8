/** The AWS SDK's low-level client as it comes, with consistent reads as kv's, with JSON by hand. */
import { DeleteItemCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import type { JsonValue } from "@kv/core";
import { createTable } from "@kv/dynamodb";
import type { Contender } from "../contender.ts";

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
  const keyOf = (key: string) => ({ collection: { S: "raw" }, key: { S: key } });
  return {
    records: {
      async get(key: string): Promise<unknown> {
        const command = new GetItemCommand({ TableName, Key: keyOf(key), ConsistentRead: true });
        const text = (await client.send(command)).Item?.value?.S;
        return text === undefined ? undefined : JSON.parse(text);
      },
      put: (key: string, value: JsonValue): Promise<unknown> =>
        client.send(new PutItemCommand({ TableName, Item: { ...keyOf(key), value: { S: JSON.stringify(value) } } })),
      delete: (key: string): Promise<unknown> => client.send(new DeleteItemCommand({ TableName, Key: keyOf(key) })),
    },
    close: async () => client.destroy(),
  };
}
