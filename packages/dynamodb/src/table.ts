/** Making the table, which no store does unasked. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  type TableDescription,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { IncompatibleFormatError } from "@kv/core";

/** How soon a table that is being made is looked at again: twice as late each time. In milliseconds. */
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 1000;

/** As Python's DynamoDBStore makes it. */
const KEY = [
  { AttributeName: "collection", KeyType: "HASH" },
  { AttributeName: "key", KeyType: "RANGE" },
] as const;

/**
 * Makes the table where there is none, and has DynamoDB delete what its `ttl` says; resolves once it can be used. May be
 * done again and again, and by several at once.
 * @throws IncompatibleFormatError where the table that is there has another key; what the SDK throws
 */
export async function makeTable(client: DynamoDBClient, table: string, signal: AbortSignal): Promise<void> {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    const found = await describe(client, table, signal);
    if (found && found.TableStatus !== "CREATING") {
      checkKey(found);
      break;
    }
    if (!found) await create(client, table, signal);
    await sleep(pause, undefined, { signal });
  }
  await turnOnTtl(client, table, signal);
}

async function describe(
  client: DynamoDBClient,
  table: string,
  abortSignal: AbortSignal,
): Promise<TableDescription | undefined> {
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: table }), { abortSignal });
    return Table;
  } catch (error) {
    if (isCalled(error, "ResourceNotFoundException")) return undefined;
    throw error;
  }
}

async function create(client: DynamoDBClient, table: string, abortSignal: AbortSignal): Promise<void> {
  const command = new CreateTableCommand({
    TableName: table,
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: [...KEY],
    AttributeDefinitions: KEY.map(({ AttributeName }) => ({ AttributeName, AttributeType: "S" })),
  });
  try {
    await client.send(command, { abortSignal });
  } catch (error) {
    // Somebody else makes it at the same time.
    if (!isCalled(error, "ResourceInUseException")) throw error;
  }
}

function checkKey({ KeySchema, AttributeDefinitions }: TableDescription): void {
  const fits = KEY.every(({ AttributeName, KeyType }, at) => {
    const part = KeySchema?.[at];
    const type = AttributeDefinitions?.find((one) => one.AttributeName === AttributeName)?.AttributeType;
    return part?.AttributeName === AttributeName && part.KeyType === KeyType && type === "S";
  });
  if (!fits) {
    throw new IncompatibleFormatError("the table's key is not that of a store: collection and key, both strings");
  }
}

async function turnOnTtl(client: DynamoDBClient, table: string, abortSignal: AbortSignal): Promise<void> {
  try {
    const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName: table }), {
      abortSignal,
    });
    if (TimeToLiveDescription?.TimeToLiveStatus !== "DISABLED") return;
    const TimeToLiveSpecification = { Enabled: true, AttributeName: "ttl" };
    await client.send(new UpdateTimeToLiveCommand({ TableName: table, TimeToLiveSpecification }), { abortSignal });
  } catch (error) {
    // Servers for tests may not know it; of several that turn it on at once, all but one are told that it is on.
    if (!isCalled(error, "UnknownOperationException") && !/already enabled/.test(String(error))) throw error;
  }
}

function isCalled(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
