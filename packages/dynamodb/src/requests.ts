/** The requests to one table: each sent once and ended by its call's deadline, its errors explained. */
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  type WriteRequest,
} from "@aws-sdk/client-dynamodb";
import { AbortedError, KeyValueError, TimeoutError } from "@kv/core";
import type { Call, Scope } from "@kv/core/driver";
import { type Undone, untilProcessed } from "./batches.ts";
import type { Condition } from "./conditions.ts";
import { explain, failedCondition, garbled } from "./errors.ts";
import { addressOf, collectionStart, type Item, keyOf, keyStart } from "./items.ts";
import type { Sender } from "./options.ts";

/** What became of a write with a condition. */
export interface Conditional {
  readonly held: boolean;
  /** Where the condition held, what was deleted; else what lies there. */
  readonly item: Item | undefined;
}

/** One page of a Query or a Scan. */
export interface ItemPage {
  readonly items: readonly Item[];
  /** The key after which the next page begins; absent on the last one. */
  readonly last: Item | undefined;
}

/** What is read of each item: what others keep beside is none of a record's. */
const PROJECTION = {
  expression: "#collection, #key, #value, #ttl, #expires",
  names: { "#collection": "collection", "#key": "key", "#value": "value", "#ttl": "ttl", "#expires": "expires" },
};

interface Options {
  readonly abortSignal: AbortSignal;
}

export class Requests {
  readonly #sender: Sender;
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #consistent: boolean;

  constructor(sender: Sender, table: string, consistent: boolean) {
    this.#sender = sender;
    this.#client = sender.client;
    this.#table = table;
    this.#consistent = consistent;
  }

  async get(key: Item, call: Call, consistent = this.#consistent): Promise<Item | undefined> {
    const command = new GetItemCommand({ TableName: this.#table, Key: key, ConsistentRead: consistent });
    const { Item: item } = await this.#exchange(call, (options) => this.#client.send(command, options));
    return item;
  }

  /** As {@link get}, of the latest, for a write that has not been done: nor is it if this fails. */
  async look(key: Item, call: Call): Promise<Item | undefined> {
    try {
      return await this.get(key, call, true);
    } catch (error) {
      if (error instanceof KeyValueError) error.outcome = "not-applied";
      throw error;
    }
  }

  async put(item: Item, call: Call): Promise<void> {
    const command = new PutItemCommand({ TableName: this.#table, Item: item });
    this.#sender.connecting?.note(command, call);
    await this.#exchange(call, (options) => this.#client.send(command, options));
  }

  /** The item that was there. */
  async delete(key: Item, call: Call): Promise<Item | undefined> {
    const command = new DeleteItemCommand({ TableName: this.#table, Key: key, ReturnValues: "ALL_OLD" });
    this.#sender.connecting?.note(command, call);
    const { Attributes } = await this.#exchange(call, (options) => this.#client.send(command, options));
    return Attributes;
  }

  /**
   * Puts `next`, or deletes where there is none, if the condition holds for what lies there.
   * @param alone whether it is the call's only write: the others before it, if any, have done nothing
   */
  async writeIf(
    condition: Condition,
    key: Item,
    next: Item | undefined,
    call: Call,
    alone = true,
  ): Promise<Conditional> {
    const parameters = {
      TableName: this.#table,
      ConditionExpression: condition.expression,
      ExpressionAttributeNames: condition.names,
      ExpressionAttributeValues: condition.values,
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    } as const;
    const command = next
      ? new PutItemCommand({ ...parameters, Item: next })
      : new DeleteItemCommand({ ...parameters, Key: key, ReturnValues: "ALL_OLD" });
    if (alone) {
      call.markSent();
      this.#sender.connecting?.note(command, call);
    }
    try {
      const { Attributes } = await this.#exchange(call, (options) =>
        command instanceof PutItemCommand ? this.#client.send(command, options) : this.#client.send(command, options),
      );
      return { held: true, item: Attributes };
    } catch (error) {
      const failed = failedCondition(error);
      if (!failed) throw error;
      if (alone) call.markSent(false);
      // Some servers do not tell, and where nothing lies none does.
      return { held: false, item: failed.item ?? (await this.look(key, call)) };
    }
  }

  /** Adds what lies under the keys to `found`, by {@link addressOf}. */
  getMany(keys: readonly Item[], found: Map<string, Item>, call: Call): Promise<Undone<Item> | undefined> {
    const table = this.#table;
    return untilProcessed(keys, call, async (rest) => {
      const command = new BatchGetItemCommand({
        RequestItems: { [table]: { Keys: [...rest], ConsistentRead: this.#consistent } },
      });
      const answer = await this.#exchange(call, (options) => this.#client.send(command, options));
      if (!answer.Responses) throw garbled();
      for (const item of answer.Responses[table] ?? []) found.set(addressOf(item), item);
      return answer.UnprocessedKeys?.[table]?.Keys ?? [];
    });
  }

  putMany(items: readonly Item[], call: Call): Promise<Undone<Item> | undefined> {
    return this.#writeMany(
      items.map((item) => ({ PutRequest: { Item: item } })),
      call,
    );
  }

  deleteMany(keys: readonly Item[], call: Call): Promise<Undone<Item> | undefined> {
    return this.#writeMany(
      keys.map((key) => ({ DeleteRequest: { Key: key } })),
      call,
    );
  }

  /** The items of a collection by Query, of several by Scan: those of the scope that pass the filter, and some beside it. */
  async page(scope: Scope, after: Item | undefined, filter: Condition | undefined, call: Call): Promise<ItemPage> {
    const inCollection = "collection" in scope;
    const prefix = inCollection ? keyStart(scope.keyPrefix) : collectionStart(scope.collectionPrefix);
    const begins = prefix === "" ? [] : [`begins_with(${inCollection ? "#key" : "#collection"}, :prefix)`];
    const filters = [...(inCollection ? [] : begins), ...(filter ? [filter.expression] : [])];
    const collection = inCollection && keyOf({ collection: scope.collection, key: "any" }).collection;
    const values = {
      ...filter?.values,
      ...(prefix !== "" && { ":prefix": { S: prefix } }),
      ...(collection && { ":collection": collection }),
    };
    const parameters = {
      TableName: this.#table,
      ConsistentRead: this.#consistent,
      ProjectionExpression: PROJECTION.expression,
      ExpressionAttributeNames: PROJECTION.names,
      ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
      ...(filters.length > 0 && { FilterExpression: filters.join(" AND ") }),
      ...(after && { ExclusiveStartKey: after }),
    };
    const condition = ["#collection = :collection", ...begins].join(" AND ");
    const { Items, LastEvaluatedKey } = await this.#exchange(call, (options) =>
      inCollection
        ? this.#client.send(new QueryCommand({ ...parameters, KeyConditionExpression: condition }), options)
        : this.#client.send(new ScanCommand(parameters), options),
    );
    if (!Items) throw garbled();
    return { items: Items, last: LastEvaluatedKey };
  }

  /** What was not done is told by its items or keys. */
  async #writeMany(requests: readonly WriteRequest[], call: Call): Promise<Undone<Item> | undefined> {
    const table = this.#table;
    const undone = await untilProcessed(requests, call, async (rest) => {
      const command = new BatchWriteItemCommand({ RequestItems: { [table]: [...rest] } });
      const answer = await this.#exchange(call, (options) => this.#client.send(command, options));
      return answer.UnprocessedItems?.[table] ?? [];
    });
    const items = undone?.items.map(({ PutRequest, DeleteRequest }) => PutRequest?.Item ?? DeleteRequest?.Key ?? {});
    return undone && items && { items, error: undone.error };
  }

  async #exchange<T extends { readonly $metadata: { readonly requestId?: string | undefined } }>(
    call: Call,
    send: (options: Options) => Promise<T>,
  ): Promise<T> {
    if (call.ended) throw new AbortedError("the call had ended before its request was sent");
    const { signal } = call;
    try {
      const answer = await send({ abortSignal: signal });
      // Nothing else tells the answer of a miss from any other empty one.
      if (answer.$metadata.requestId === undefined) throw garbled();
      return answer;
    } catch (error) {
      // Connections that have died without a sign are not found out one by one.
      if (signal.aborted && signal.reason instanceof TimeoutError) this.#sender.dropIdle?.();
      throw explain(error, this.#sender.server);
    }
  }
}
