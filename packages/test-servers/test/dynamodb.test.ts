// What speaks DynamoDB: one that outlives its death, one that knows times to live.

import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { type Server, serverFor } from "../src/index.ts";

const { server: dynalite, skipped: noDynalite } = await serverFor(vitest, "dynalite", { own: true });
const { server: moto, skipped: noMoto } = await serverFor(vitest, "moto", { own: true });
const { server: secure, skipped: notSecure } = await serverFor(vitest, "dynalite", { tls: true });

/** What a server answers, by HTTP alone. Both let in whoever says a name. */
async function ask(server: Server, operation: string, parameters: object): Promise<Record<string, unknown>> {
  const answer = await fetch(endpointOf(server), {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `DynamoDB_20120810.${operation}`,
      "x-amz-date": "20260101T000000Z",
      authorization:
        "AWS4-HMAC-SHA256 Credential=user/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none",
    },
    body: JSON.stringify(parameters),
  });
  const body: unknown = await answer.json();
  return { ...Object(body) };
}

function endpointOf(server: Server): string {
  return new URL(server.url).searchParams.get("endpoint") ?? "";
}

const TableName = "table";
const table = {
  TableName,
  KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
  AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
  BillingMode: "PAY_PER_REQUEST",
};
const Item = { id: { S: "a" } };

describe.skipIf(noDynalite)("dynalite", () => {
  it("keeps its tables and what is in them over kill and restart", async () => {
    await ask(dynalite, "CreateTable", table);
    // The table is there a moment after that is answered.
    for (let answer: object | undefined; answer === undefined || "__type" in answer; ) {
      answer = await ask(dynalite, "PutItem", { TableName, Item });
    }
    await dynalite.kill();
    await dynalite.restart();
    expect(await ask(dynalite, "GetItem", { TableName, Key: Item })).toEqual({ Item });
  });
});

describe.skipIf(noMoto)("moto", () => {
  it("knows tables and times to live, and forgets them when it is killed", async () => {
    await ask(moto, "CreateTable", table);
    const TimeToLiveSpecification = { Enabled: true, AttributeName: "ttl" };
    await ask(moto, "UpdateTimeToLive", { TableName, TimeToLiveSpecification });
    expect(await ask(moto, "DescribeTimeToLive", { TableName })).toMatchObject({
      TimeToLiveDescription: { TimeToLiveStatus: "ENABLED" },
    });
    await moto.kill();
    await moto.restart();
    expect(await ask(moto, "ListTables", {})).toEqual({ TableNames: [] });
  });
});

describe.skipIf(notSecure)("dynalite with TLS", () => {
  it("has an authority of its own, and a URL that says so", async () => {
    expect(endpointOf(secure)).toMatch(/^https:/);
    expect(secure.ca).toContain("BEGIN CERTIFICATE");
    await expect(ask(secure, "ListTables", {})).rejects.toThrow("fetch failed");
  });
});
