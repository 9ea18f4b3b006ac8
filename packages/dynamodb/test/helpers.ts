// What several test files need beside the store: a table of their own, and a look at it that does not go through the store.

import {
  type AttributeValue,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
} from "@aws-sdk/client-dynamodb";
import { conformance, type Property, type Target } from "@kv/core/conformance";
import { type Server, serverFor } from "@kv/test-servers";
import type * as vitest from "vitest";
import { createTable, type DynamodbStoreOptions, dynamodbStore } from "../src/index.ts";

/** What one of them lacks the other has. */
export const SERVERS = ["dynalite", "moto"] as const;

/** Everybody is let in. */
export const credentials = { accessKeyId: "user", secretAccessKey: "secret" };

/** A server with a table for the calling file: one of its own, unless it takes one that the environment gives. */
export async function serverWithTable(
  runner: typeof vitest,
  name: (typeof SERVERS)[number],
  table: string,
  { external = false } = {},
) {
  const { server, skipped } = await serverFor(runner, name, external ? undefined : { own: true });
  if (!skipped) await createTable(optionsFor(server, table));
  return { name, server, skipped, table: new Table(server, table) };
}

/** The same of each kind. */
export function serversFor(runner: typeof vitest, table: string) {
  return Promise.all(SERVERS.map((name) => serverWithTable(runner, name, table)));
}

/** Of the conformance suite: what needs thousands of records. Tried once, or everywhere in the longer setting. */
const VOLUMINOUS: readonly string[] = [
  "batches/any-size",
  "capabilities/durable",
  "contention/different-keys",
  "enumeration/complete",
  "enumeration/lazy",
  "enumeration/many-collections",
  "enumeration/while-much-goes",
  "enumeration/while-others-write",
  "faults/enumeration",
];

export function isBrief({ id }: Property): boolean {
  return process.env.KV_CONFORMANCE === "thorough" || !VOLUMINOUS.includes(id);
}

/** Many callers on one key, one after another, take these servers seconds on a busy machine. */
const PATIENT = { timeout: "20s" } as const;

/**
 * Registers the suite on a store in a table of the server, or those of its properties.
 * @param adapt of what the suite is told: wrapped, say
 */
export async function registerSuite(
  { describe, it }: typeof vitest,
  { name, server, table }: { readonly name: string; readonly server: Server; readonly table: string },
  only: (property: Property) => boolean,
  adapt: (target: Target) => Target = (target) => target,
): Promise<void> {
  const isDefault = (property: Property) => property.id === "deadlines/default-timeout";
  const suite = (options: object) => conformance(adapt(targetOf(name, server, table, options)));
  await suite({}).register({ describe, it }, { only: (property) => only(property) && isDefault(property) });
  await suite(PATIENT).register({ describe, it }, { only: (property) => only(property) && !isDefault(property) });
}

/** What the conformance suite is told of a store in a table of the server. */
function targetOf(name: string, server: Server, table: string, more: object): Target {
  const given = { ...optionsFor(server, table), ...more };
  const { hostname, port } = new URL(given.endpoint);
  return {
    name,
    open: (options) => dynamodbStore({ ...given, ...options }),
    shared: true,
    // Time for `retry` to come to an end before the deadline.
    timeScale: 4,
    server: { host: hostname, port: Number(port) },
    through: (address, options) =>
      dynamodbStore({ ...given, endpoint: `http://${address.host}:${address.port}`, ...options }),
  };
}

/** The options of a store in a table of the server. */
export function optionsFor(server: Server, table: string): DynamodbStoreOptions & { readonly endpoint: string } {
  return { url: server.url, table, endpoint: endpointOf(server), createTable: false };
}

export function endpointOf(server: Server): string {
  return new URL(server.url).searchParams.get("endpoint") ?? "";
}

export type Item = Record<string, AttributeValue>;

/** A table seen by a plain client. */
export class Table {
  readonly #server: Server;
  readonly #name: string;
  #client: DynamoDBClient | undefined;

  constructor(server: Server, name: string) {
    this.#server = server;
    this.#name = name;
  }

  get client(): DynamoDBClient {
    this.#client ??= new DynamoDBClient({ region: "us-east-1", endpoint: endpointOf(this.#server), credentials });
    return this.#client;
  }

  async put(item: Item): Promise<void> {
    await this.client.send(new PutItemCommand({ TableName: this.#name, Item: item }));
  }

  async get(collection: string, key: string): Promise<Item | undefined> {
    const Key = { collection: { S: collection }, key: { S: key } };
    return (await this.client.send(new GetItemCommand({ TableName: this.#name, Key, ConsistentRead: true }))).Item;
  }

  async items(): Promise<Item[]> {
    const items: Item[] = [];
    let last: Item | undefined;
    do {
      const command = new ScanCommand({ TableName: this.#name, ...(last && { ExclusiveStartKey: last }) });
      const { Items = [], LastEvaluatedKey } = await this.client.send(command);
      items.push(...Items);
      last = LastEvaluatedKey;
    } while (last);
    return items;
  }

  async empty(): Promise<void> {
    for (const { collection, key } of await this.items()) {
      await this.client.send(new DeleteItemCommand({ TableName: this.#name, Key: { collection, key } as Item }));
    }
  }

  async describe() {
    return (await this.client.send(new DescribeTableCommand({ TableName: this.#name }))).Table;
  }

  close(): void {
    this.#client?.destroy();
  }
}
