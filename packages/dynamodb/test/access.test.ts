// Who may send requests, and how: credentials and permissions as AWS checks them, TLS, a client of the caller's.

import { readFileSync } from "node:fs";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { openStore } from "@kv/core";
import { listed, rejection, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createTable, DynamodbDriver, type DynamodbStoreOptions, dynamodbStore } from "../src/index.ts";
import { credentials, endpointOf, optionsFor, SERVERS, serverWithTable } from "./helpers.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
/** What the README says that everything needs. */
const policy = JSON.parse(/```json\n(.*?)```/s.exec(readme)?.[1] ?? "");

async function using(
  options: DynamodbStoreOptions,
  use: (store: ReturnType<typeof dynamodbStore>) => Promise<unknown>,
) {
  const store = dynamodbStore(options);
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

const { server: guarded, skipped: unguarded } = await serverWithTable(vitest, "moto", "kv-store");

// moto checks signatures and permissions, once it is told to; but not for which table they are.
describe.skipIf(unguarded)("a user", () => {
  interface User {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  }
  let everything: User;
  let reading: User;
  let nothing: User;

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
    const statement = { ...policy.Statement[0], Resource: "*" };
    const reads = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan"];
    everything = await newUser("everything", { ...policy, Statement: [statement] });
    reading = await newUser("reading", { ...policy, Statement: [{ ...statement, Action: reads }] });
    nothing = await newUser("nothing", { ...policy, Statement: [{ ...statement, Action: ["dynamodb:ListTables"] }] });
    await fetch(`${endpointOf(guarded)}/moto-api/reset-auth`, { method: "POST", body: "0" });
  });

  const as = (credentials: User) => ({ ...optionsFor(guarded, "kv-store"), credentials });
  const denied = { code: "ACCESS_DENIED", retryable: false, outcome: "not-applied" };

  it("does everything with the permissions that the README tells", async () => {
    await using(as(everything), async (store) => {
      const users = store.collection("users");
      await users.put("a", 1, { ttl: "1h" });
      expect(await users.get("a")).toBe(1);
      await users.putMany([{ key: "b", value: 2 }]);
      expect(await users.getMany(["a", "b", "c"])).toEqual([1, 2, undefined]);
      expect(await users.putIfAbsent("a", 1)).toBeUndefined();
      expect(await users.putIfAbsent("c", 1)).toBeDefined();
      expect(await users.increment("n", 2, { ttl: "1h" })).toBe(2);
      expect(await users.increment("n", 2)).toBe(4);
      expect(await users.touch("n", null)).toBe(true);
      expect(await users.take("n")).toBe(4);
      expect(await users.delete("a")).toBe(true);
      expect(await users.deleteMany(["b"])).toBe(1);
      expect(await listed(users.entries())).toMatchObject([{ key: "c" }]);
      expect(await listed(store.collections())).toEqual(["users"]);
      await users.clear();
      await store.clearAll();
      await store.cull();
      await store.ping();
      expect(await rejection(createTable(as(everything)))).toMatchObject({ code: "ACCESS_DENIED" });
    });
  });

  it("reads what it may read, and is told by AccessDeniedError what it may not do", async () => {
    await using(as(everything), (store) => store.put("a", 1));
    await using(as(reading), async (store) => {
      expect(await store.get("a")).toBe(1);
      expect(await store.getMany(["a", "b"])).toEqual([1, undefined]);
      expect(await listed(store.collection().keys())).toEqual(["a"]);
      for (const write of [
        () => store.put("a", 2),
        () => store.delete("a"),
        () => store.take("a"),
        () => store.putIfAbsent("b", 2),
        () => store.increment("n"),
        () => store.putMany([{ key: "b", value: 1 }]),
      ]) {
        expect(await rejection(write())).toMatchObject(denied);
      }
      expect(await rejection(store.collection().clear())).toMatchObject({ code: "ACCESS_DENIED" });
      expect(await store.get("a")).toBe(1);
    });
    await using(as(nothing), async (store) => {
      expect(await rejection(store.get("a"))).toMatchObject({ code: "ACCESS_DENIED" });
      expect(await rejection(store.ping())).toMatchObject({ code: "ACCESS_DENIED" });
    });
  });

  it("is not let in with a wrong secret, nor if nobody knows it", async () => {
    for (const wrong of [
      { ...everything, secretAccessKey: "wrong-secret" },
      { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wrong-secret" },
    ]) {
      await using(as(wrong), async (store) => {
        const error = await rejection(store.put("a", 1));
        expect(error).toMatchObject(denied);
        expect(String(error)).not.toContain("wrong-secret");
        expect(await rejection(store.get("a"))).toMatchObject({ code: "ACCESS_DENIED" });
      });
    }
  });
});

describe("credentials and a region", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("that are nowhere to be found are told as such, and nothing was sent", async () => {
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION"])
      vi.stubEnv(name, undefined);
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
    for (const name of ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]) vi.stubEnv(name, "/nowhere");
    await using({ table: "kv-store", region: "us-east-1", endpoint: "http://127.0.0.1:1" }, async (store) => {
      expect(await rejection(store.put("a", 1))).toMatchObject({ code: "ACCESS_DENIED", outcome: "not-applied" });
    });
    await using({ table: "kv-store", credentials, endpoint: "http://127.0.0.1:1" }, async (store) => {
      const error = await rejection(store.put("a", 1));
      expect(error).toMatchObject({ code: "INVALID_ARGUMENT", outcome: "not-applied" });
      expect(String(error)).toMatch(/region/);
    });
  });
});

for (const name of SERVERS) {
  const { server: secure, skipped: noTls } = await serverFor(vitest, name, { tls: true });
  const { server, skipped } = await serverFor(vitest, name, { own: true });

  describe.skipIf(noTls)(`TLS to ${name}`, () => {
    it("is spoken to https:, with an authority of one's own", async () => {
      const options = { ...optionsFor(secure, "secure"), tls: { ca: secure.ca } };
      await createTable(options);
      await using(options, async (store) => {
        await store.put("a", "x".repeat(100_000));
        expect(await store.get("a")).toHaveLength(100_000);
        expect(await store.increment("n")).toBe(1);
      });
    });

    it("trusts nobody else", async () => {
      await using(optionsFor(secure, "secure"), async (store) => {
        const error = await rejection(store.put("a", 1));
        expect(error).toMatchObject({ code: "BACKEND_FAILURE", retryable: false, outcome: "not-applied" });
        expect(String(error)).toMatch(/certificate/);
      });
    });

    it("is missed where only one side speaks it", async () => {
      const plain = endpointOf(secure).replace("https:", "http:");
      await using({ ...optionsFor(secure, "secure"), endpoint: plain, timeout: 2000 }, async (store) => {
        expect(await rejection(store.get("a"))).toMatchObject({ retryable: true });
      });
      const encrypted = endpointOf(server).replace("http:", "https:");
      await using({ ...optionsFor(server, "secure"), endpoint: encrypted, timeout: 2000 }, async (store) => {
        expect(await rejection(store.put("a", 1))).toMatchObject({
          code: expect.stringMatching(/UNAVAILABLE|TIMEOUT|BACKEND/),
        });
      });
    });
  });

  describe.skipIf(skipped)(`a client of the caller's, to ${name}`, () => {
    const newClient = (options: object = {}) =>
      new DynamoDBClient({ region: "us-east-1", endpoint: endpointOf(server), credentials, ...options });

    it("is used, and works on after the store is closed", async () => {
      const client = newClient({ maxAttempts: 1 });
      await createTable({ client, table: "shared" });
      for (let round = 0; round < 2; round++) {
        await using({ client, table: "shared", createTable: true }, async (store) => {
          expect(await store.increment("n")).toBe(round + 1);
          expect(store.driver instanceof DynamodbDriver && store.driver.client).toBe(client);
        });
      }
      client.destroy();
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
      await using({ client, table: "shared" }, async (store) => {
        for (const call of [() => store.get("a"), () => store.put("a", 1)]) {
          const error = await rejection(call());
          expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
          expect(String(error)).toMatch(/maxAttempts must be 1/);
        }
      });
      client.destroy();
    });

    it("is opened by a URL, with all that the URL says", async () => {
      const store = await openStore(server.url, { needs: ["atomic"] });
      expect(await store.increment("n")).toBe(1);
      expect(store.driver instanceof DynamodbDriver && (await store.driver.client.config.region())).toBe("us-east-1");
      await store.close();
    });
  });
}

describe("options that no store can work with", () => {
  const client = new DynamoDBClient({ region: "us-east-1", maxAttempts: 1 });

  it.each<[string, object, RegExp]>([
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
  ])("%s", (_, options, message) => {
    const make = () => Reflect.apply(dynamodbStore, undefined, [options]);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(make).toThrow(expect.not.objectContaining({ message: expect.stringContaining("s3cret") }));
  });
});
