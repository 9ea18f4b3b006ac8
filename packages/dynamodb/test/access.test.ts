// Who may send requests, and how: credentials and permissions as AWS checks them, TLS, a client of the caller's.

import { readFileSync } from "node:fs";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { openStore } from "@kv/core";
import { optionsSuite, rejection, serverFor, storesOf, tlsSuite, usersSuite } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createTable, DynamodbDriver, type DynamodbStoreOptions, dynamodbStore } from "../src/index.ts";
import { credentials, endpointOf, optionsFor, SERVERS, serverWithTable } from "./helpers.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
/** What the README says that everything needs. */
const policy = JSON.parse(/```json\n(.*?)```/s.exec(readme)?.[1] ?? "");

const { open, later } = storesOf(vitest, (options: DynamodbStoreOptions) => dynamodbStore(options));

const { server: guarded, skipped: unguarded } = await serverWithTable(vitest, "moto", "kv-store");

interface User {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}
const users = new Map<string, User>();

/** A request to the service that keeps users. */
async function ask(action: string, parameters: Record<string, string>): Promise<string> {
  const body = new URLSearchParams({ Action: action, Version: "2010-05-08", ...parameters });
  const authorization = "AWS4-HMAC-SHA256 Credential=user/20260101/us-east-1/iam/aws4_request, Signature=none";
  const answer = await fetch(endpointOf(guarded), { method: "POST", headers: { authorization }, body });
  expect(answer.status).toBe(200);
  return answer.text();
}

async function newUser(UserName: string, document: object): Promise<User> {
  await ask("CreateUser", { UserName });
  await ask("PutUserPolicy", { UserName, PolicyName: "policy", PolicyDocument: JSON.stringify(document) });
  const key = await ask("CreateAccessKey", { UserName });
  const field = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(key)?.[1] ?? "";
  return { accessKeyId: field("AccessKeyId"), secretAccessKey: field("SecretAccessKey") };
}

beforeAll(async () => {
  if (unguarded) return;
  const statement = { ...policy.Statement[0], Resource: "*" };
  const reads = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan"];
  const actions = { everything: statement.Action, reading: reads, nothing: ["dynamodb:ListTables"] };
  for (const [name, Action] of Object.entries(actions)) {
    users.set(name, await newUser(name, { ...policy, Statement: [{ ...statement, Action }] }));
  }
  await fetch(`${endpointOf(guarded)}/moto-api/reset-auth`, { method: "POST", body: "0" });
});

/** A store of one of the users, whose credentials may be others. */
function as(name: string, wrong: Partial<User> = {}) {
  const user = users.get(name);
  if (!user) throw new Error(`there is a user ${name}`);
  return open({ ...optionsFor(guarded, "kv-store"), credentials: { ...user, ...wrong } });
}

// moto checks signatures and permissions, once it is told to; but not for which table they are.
usersSuite(vitest, {
  skipped: unguarded,
  everything: () => [as("everything")],
  reader: () => as("reading"),
  strangers: () => [as("nothing")],
  mutes: () => [as("nothing")],
  intruders: () =>
    [{ secretAccessKey: "wrong secret" }, { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wrong secret" }].map(
      (wrong) => as("everything", wrong),
    ),
  refusesBatches: true,
});

describe.skipIf(unguarded)("a user", () => {
  it("makes no table with the permissions that everything else needs", async () => {
    const options = { ...optionsFor(guarded, "kv-store"), credentials: users.get("everything") };
    expect(await rejection(createTable(options))).toMatchObject({ code: "ACCESS_DENIED" });
  });
});

describe("credentials and a region", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("that are nowhere to be found are told as such, and nothing was sent", async () => {
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION"])
      vi.stubEnv(name, undefined);
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
    for (const name of ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]) vi.stubEnv(name, "/nowhere");
    const unknown = open({ table: "kv-store", region: "us-east-1", endpoint: "http://127.0.0.1:1" });
    expect(await rejection(unknown.put("a", 1))).toMatchObject({ code: "ACCESS_DENIED", outcome: "not-applied" });
    const nowhere = open({ table: "kv-store", credentials, endpoint: "http://127.0.0.1:1" });
    const error = await rejection(nowhere.put("a", 1));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", outcome: "not-applied" });
    expect(String(error)).toMatch(/region/);
  });
});

for (const name of SERVERS) {
  const { server: secure, skipped: noTls } = await serverFor(vitest, name, { tls: true });
  const { server, skipped } = await serverFor(vitest, name, { own: true });

  const beyond = { code: expect.stringMatching(/UNAVAILABLE|TIMEOUT|BACKEND/) };

  tlsSuite(vitest, {
    title: `TLS to ${name}`,
    skipped: noTls ?? skipped,
    async trusting() {
      const options = { ...optionsFor(secure, "secure"), tls: { ca: secure.ca } };
      await createTable(options);
      return [open(options)];
    },
    distrusting: () => open(optionsFor(secure, "secure")),
    mismatched: () => [
      {
        store: open({
          ...optionsFor(secure, "secure"),
          endpoint: endpointOf(secure).replace("https:", "http:"),
          timeout: 2000,
        }),
        get: { retryable: true },
        put: { retryable: true },
      },
      {
        store: open({
          ...optionsFor(server, "secure"),
          endpoint: endpointOf(server).replace("http:", "https:"),
          timeout: 2000,
        }),
        put: beyond,
      },
    ],
  });

  describe.skipIf(skipped)(`a client of the caller's, to ${name}`, () => {
    const newClient = (options: object = {}) =>
      new DynamoDBClient({ region: "us-east-1", endpoint: endpointOf(server), credentials, ...options });

    it("is used, and works on after the store is closed", async () => {
      const client = newClient({ maxAttempts: 1 });
      await createTable({ client, table: "shared" });
      later(() => client.destroy());
      for (let round = 0; round < 2; round++) {
        const store = open({ client, table: "shared", createTable: true });
        expect(await store.increment("n")).toBe(round + 1);
        expect(store.driver instanceof DynamodbDriver && store.driver.client).toBe(client);
        await store.close();
      }
    });

    it.each([
      ["the SDK's own retries", {}],
      ["more attempts than one", { maxAttempts: 2 }],
      ["more attempts, adapted to throttling", { maxAttempts: 2, retryMode: "adaptive" }],
      [
        "a strategy of its own",
        { maxAttempts: 1, retryStrategy: { retry: () => Promise.reject(new Error("unused")) } },
      ],
    ])("is refused with %s", async (_, options) => {
      const client = newClient(options);
      later(() => client.destroy());
      const store = open({ client, table: "shared" });
      for (const call of [() => store.get("a"), () => store.put("a", 1)]) {
        const error = await rejection(call());
        expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
        expect(String(error)).toMatch(/maxAttempts must be 1/);
      }
    });

    it("is opened by a URL, with all that the URL says", async () => {
      const store = await openStore(server.url, { needs: ["atomic"] });
      expect(await store.increment("n")).toBe(1);
      expect(store.driver instanceof DynamodbDriver && (await store.driver.client.config.region())).toBe("us-east-1");
      await store.close();
    });
  });
}

const client = new DynamoDBClient({ region: "us-east-1", maxAttempts: 1 });

optionsSuite(vitest, {
  make: (options) => Reflect.apply(dynamodbStore, undefined, [options]),
  wrong: [
    ["no table", { region: "us-east-1" }, /table/],
    ["a table that is no name", { table: "a b" }, /table/],
    ["an option that there is not", { table: "table", regoin: "us-east-1" }, /"regoin"/],
    ["an endpoint that is no URL", { table: "table", endpoint: "localhost:8000" }, /endpoint/],
    ["numbers of another kind", { table: "table", numbers: "big" }, /numbers/],
    ["a flag that is none", { table: "table", createTable: "yes" }, /createTable/],
    ["a client beside a region", { table: "table", client, region: "us-east-1" }, /not both/],
    ["a client that is none", { table: "table", client: {} }, /DynamoDBClient/],
    ["a URL of another scheme", { url: "https://us-east-1/table" }, /cannot be read/],
    ["a URL without a table", { url: "dynamodb://us-east-1" }, /cannot be read/],
    ["a URL with an unknown parameter", { url: "dynamodb://id:s3cret@us-east-1/table?tls=true" }, /takes endpoint/],
    ["a URL with a flag that is none", { url: "dynamodb://id:s3cret@us-east-1/table?createTable=1" }, /createTable/],
    ["a URL that is not percent-encoded", { url: "dynamodb://id:s3cret%@us-east-1/table" }, /percent-encoded/],
  ],
  secret: (password) =>
    [
      `dynamodb://id:${password}@us-east-1/table?tls=true`,
      `dynamodb://id:${password}@us-east-1/table?createTable=1`,
      `dynamodb://id:${password}%@us-east-1/table`,
      `https://id:${password}@us-east-1/table`,
    ].map((url) => ({ url })),
});
