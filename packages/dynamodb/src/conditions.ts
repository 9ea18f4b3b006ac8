/** What a write demands of the item that lies there, in DynamoDB's language. Names go by `#`, since most of ours are reserved words. */
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { Revision } from "@kv/core";
import { type RecordId, revisionPrefix } from "@kv/core/driver";
import type { Item } from "./items.ts";

export interface Condition {
  readonly expression: string;
  readonly names: Record<string, string>;
  readonly values: Record<string, AttributeValue>;
}

/**
 * The record has expired by this process' clock: exactly told of ours; of one of Python's, whose `ttl` counts whole
 * seconds rounded down, up to a second late.
 */
export function expired(now = Date.now()): Condition {
  return {
    expression: "(#expires <= :now OR (attribute_not_exists(#expires) AND #ttl < :second))",
    names: { "#expires": "expires", "#ttl": "ttl" },
    values: { ":now": { N: `${now}` }, ":second": { N: `${Math.floor(now / 1000)}` } },
  };
}

/** There is no record. */
export function absent(): Condition {
  const { expression, names, values } = expired();
  return { expression: `attribute_not_exists(#key) OR ${expression}`, names: { ...names, "#key": "key" }, values };
}

/** A live record of ours has this revision. */
export function hasRevision(revision: Revision): Condition {
  return {
    expression: "begins_with(#value, :text) AND (attribute_not_exists(#expires) OR #expires > :now)",
    names: { "#value": "value", "#expires": "expires" },
    values: { ":text": { S: revisionPrefix(revision) }, ":now": { N: `${Date.now()}` } },
  };
}

/** The very item that was read. */
export function isUnchanged({ value }: Item): Condition {
  return { expression: "#value = :text", names: { "#value": "value" }, values: { ":text": value ?? { NULL: true } } };
}

/** There is nothing, or a record of ours that can be read: its text has our beginning, its own name, and an end. */
export function isOursOrNothing({ collection, key }: RecordId): Condition {
  return {
    expression:
      "attribute_not_exists(#key) OR " +
      "(begins_with(#value, :ours) AND contains(#value, :collection) AND contains(#value, :name) AND contains(#value, :end))",
    names: { "#key": "key", "#value": "value" },
    values: {
      ":ours": { S: '{"revision": "' },
      ":collection": { S: `"collection": ${JSON.stringify(collection)}, ` },
      ":name": { S: `"key": ${JSON.stringify(key)}, "value": {` },
      ":end": { S: '}, "version": 1' },
    },
  };
}
