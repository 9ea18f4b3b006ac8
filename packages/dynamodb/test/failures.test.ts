// What is DynamoDB's own to fail by: capacity, a table that is not there or another's, answers that are none, limits.

import { inspect } from "node:util";
import { CreateTableCommand, DeleteTableCommand, DescribeTimeToLiveCommand } from "@aws-sdk/client-dynamodb";
import { type Link, listed, Relay, rejection } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTable, type DynamodbStore, dynamodbStore } from "../src/index.ts";
import { endpointOf, optionsFor, serversFor } from "./helpers.ts";
import { type Answer, refusal, WatchingProxy } from "./watching-proxy.ts";

for (const { name, server, skipped, table } of await serversFor(vitest, "failures")) {
  const given = () => optionsFor(server, "failures");

  describe.skipIf(skipped)(`behind a proxy that meddles with ${name}`, () => {
    let proxy: WatchingProxy;
    let store: DynamodbStore;

    beforeAll(async () => {
      proxy = await WatchingProxy.start(endpointOf(server));
    });
    beforeEach(async () => {
      proxy.meddle = undefined;
      await table.empty();
      store = dynamodbStore({ ...given(), endpoint: proxy.endpoint });
      proxy.since();
    });
    afterEach(() => store.close());
    afterAll(() => proxy.close());

    it.each([
      ["ProvisionedThroughputExceededException", 400, "UNAVAILABLE", "not-applied"],
      ["ThrottlingException", 400, "UNAVAILABLE", "not-applied"],
      ["RequestLimitExceeded", 400, "UNAVAILABLE", "not-applied"],
      ["TransactionConflictException", 400, "UNAVAILABLE", "not-applied"],
      ["ItemCollectionSizeLimitExceededException", 400, "STORAGE_FULL", "not-applied"],
      ["UnrecognizedClientException", 400, "ACCESS_DENIED", "not-applied"],
      ["AccessDeniedException", 400, "ACCESS_DENIED", "not-applied"],
      ["InvalidSignatureException", 400, "ACCESS_DENIED", "not-applied"],
      ["ExpiredTokenException", 400, "ACCESS_DENIED", "not-applied"],
      ["ValidationException", 400, "BACKEND_FAILURE", "not-applied"],
      ["ResourceNotFoundException", 400, "BACKEND_FAILURE", "not-applied"],
      ["InternalServerError", 500, "UNAVAILABLE", "unknown"],
      ["ServiceUnavailable", 503, "UNAVAILABLE", "unknown"],
    ])("%s is told by its class, and what became of the write", async (refused, status, code, outcome) => {
      proxy.meddle = () => refusal(refused, status, "about secret-key");
      for (const write of [
        () => store.put("secret-key", "secret-value"),
        () => store.putIfAbsent("secret-key", "secret-value"),
        () => store.delete("secret-key"),
        () => store.take("secret-key"),
        () => store.putMany([{ key: "secret-key", value: "secret-value" }]),
      ]) {
        const error = await rejection(write());
        expect(error).toMatchObject({ code, outcome, retryable: code === "UNAVAILABLE" });
        expect(String(error)).not.toContain("secret");
        // Nor what the client knows of the request.
        expect(inspect(error, { depth: 9 })).not.toMatch(/secret-value|Signature=|authorization/);
      }
      expect(await rejection(store.get("a"))).toMatchObject({ code });
    });

    const page = "<html>it works</html>";
    it.each<[string, Answer]>([
      ["a page", { status: 200, headers: {}, body: page }],
      ["nothing", { status: 200, headers: {}, body: "" }],
      ["the JSON of something else", { status: 200, headers: {}, body: '{"status":"ok"}' }],
      [
        "half an answer",
        { status: 200, headers: { "x-amzn-requestid": "R" }, body: '{"Item":{"value":{"S":"secret-va' },
      ],
    ])("%s in place of an answer is an error, never a miss", async (_, answer) => {
      await store.put("a", "secret-value");
      proxy.meddle = () => answer;
      const failure = { code: "BACKEND_FAILURE" };
      for (const read of [
        () => store.get("a"),
        () => store.getMany(["a"]),
        () => listed(store.collection().keys()),
        () => listed(store.collections()),
      ]) {
        const error = await rejection(read());
        expect(error).toMatchObject(failure);
        expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("secret-va");
      }
      for (const write of [
        () => store.put("a", 1),
        () => store.delete("a"),
        () => store.take("a"),
        () => store.putMany([{ key: "a", value: 1 }]),
      ]) {
        expect(await rejection(write())).toMatchObject({ ...failure, outcome: "unknown" });
      }
      proxy.meddle = undefined;
      expect(await store.get("a")).toBe("secret-value");
    });

    it.each([
      [502, "UNAVAILABLE", "unknown"],
      [403, "ACCESS_DENIED", "not-applied"],
      [404, "BACKEND_FAILURE", "unknown"],
    ])("a page with the status %i is an error", async (status, code, outcome) => {
      proxy.meddle = () => ({ status, headers: {}, body: page });
      expect(await rejection(store.put("a", 1))).toMatchObject({ code, outcome });
      expect(await rejection(store.get("a"))).toMatchObject({ code });
    });

    /** Hands on the first `most` of a batch, and tells the rest as unprocessed. */
    function processing(most: () => number): void {
      proxy.meddle = async (operation, body, forward) => {
        const request = JSON.parse(body);
        if (!operation.startsWith("Batch")) return forward(body);
        const batch = request.RequestItems.failures;
        const reads = operation === "BatchGetItem";
        const items: unknown[] = reads ? batch.Keys : batch;
        const count = most();
        const [now, later] = [items.slice(0, count), items.slice(count)];
        const part = (some: unknown[]) => ({ failures: reads ? { ...batch, Keys: some } : some });
        const rest = later.length > 0 ? part(later) : {};
        const field = reads ? "UnprocessedKeys" : "UnprocessedItems";
        if (now.length === 0) {
          return {
            status: 200,
            headers: { "x-amzn-requestid": "R" },
            body: JSON.stringify({ Responses: {}, [field]: rest }),
          };
        }
        const answer = await forward(JSON.stringify({ ...request, RequestItems: part(now) }));
        return { ...answer, body: JSON.stringify({ ...JSON.parse(answer.body), [field]: rest }) };
      };
    }

    const keys = Array.from({ length: 10 }, (_, at) => `key-${at}`);
    const entries = keys.map((key, at) => ({ key, value: at }));

    it("asks for what a batch left unprocessed, and for nothing else", async () => {
      processing(() => 4);
      await store.putMany(entries);
      expect(proxy.since()).toEqual({ BatchWriteItem: 3 });
      expect(await store.getMany([...keys, "missing"])).toEqual([...keys.keys(), undefined]);
      expect(proxy.since()).toEqual({ BatchGetItem: 3 });
      await store.collection().clear();
      expect(proxy.since()).toEqual({ Query: 1, BatchWriteItem: 3 });
      expect(await table.items()).toEqual([]);
    });

    it("tells of each record that was left unprocessed to the end, within the deadline", async () => {
      let requests = 0;
      processing(() => (requests++ === 0 ? 4 : 0));
      const error = await rejection(store.putMany(entries, { timeout: "3s" }));
      expect(error).toMatchObject({ code: "BATCH_FAILED", outcome: "not-applied", retryable: true });
      const failed = { code: "UNAVAILABLE", outcome: "not-applied", message: expect.stringContaining("unprocessed") };
      expect(error).toMatchObject({ failures: keys.slice(4).map((key) => ({ key, error: failed })) });
      expect((await table.items()).map(({ key }) => key?.S).sort()).toEqual(keys.slice(0, 4));
      processing(() => 0);
      expect(await rejection(store.getMany(keys, { timeout: "2s" }))).toMatchObject({
        failures: keys.map((key) => ({
          key,
          error: { code: "UNAVAILABLE", message: expect.stringContaining("unprocessed") },
        })),
      });
    });

    it("knows what was done where the rest of a batch fails", async () => {
      let requests = 0;
      processing(() => 4);
      const part = proxy.meddle;
      proxy.meddle = (...args) => (requests++ === 0 ? part?.(...args) : refusal("ThrottlingException"));
      expect(await rejection(store.putMany(entries))).toMatchObject({
        failures: keys.slice(4).map((key) => ({ key, error: { code: "UNAVAILABLE", outcome: "not-applied" } })),
      });
      expect(await table.items()).toHaveLength(4);
    });

    it("cuts batches that would be too large for a request, and knows which part failed", async () => {
      // Each quote is written with three characters of JSON inside JSON.
      const large = keys.map((key) => ({ key, value: '"'.repeat(190_000) }));
      let requests = 0;
      proxy.meddle = (_, body, forward) => {
        expect(Buffer.byteLength(body)).toBeLessThan(16 * 1024 * 1024);
        return requests++ === 1 ? refusal("ThrottlingException") : forward(body);
      };
      const twice = [...large, ...large.map(({ key, value }) => ({ key: `${key}-again`, value }))];
      const error = await rejection(store.putMany(twice, { timeout: "30s" }));
      expect(requests).toBe(2);
      const stored = (await table.items()).map(({ key }) => key?.S ?? "");
      const left = twice.map(({ key }) => key).filter((key) => !stored.includes(key));
      expect(stored.length).toBeGreaterThan(10);
      expect(error).toMatchObject({ failures: left.map((key) => ({ key, error: { outcome: "not-applied" } })) });
      requests = 2;
      await store.putMany(twice, { timeout: "30s" });
      expect(requests).toBe(4);
      expect(await store.get("key-9-again")).toHaveLength(190_000);
    });

    it.runIf(name === "dynalite")(
      "knows that a write whose condition failed was not applied, where it cannot look why",
      async () => {
        await store.put("a", 1);
        proxy.meddle = (operation, body, forward) =>
          operation === "GetItem" ? refusal("InternalServerError", 500) : forward(body);
        const failed = { code: "UNAVAILABLE", outcome: "not-applied" };
        expect(await rejection(store.putIfAbsent("a", 2))).toMatchObject(failed);
        proxy.meddle = undefined;
        expect(await store.get("a")).toBe(1);
      },
    );

    it("leaves alone what was overwritten while it was culled", async () => {
      await store.put("a", 1, { ttl: "1ms" });
      while (await store.has("a"));
      let overwritten = false;
      proxy.meddle = async (operation, body, forward) => {
        if (operation === "DeleteItem" && !overwritten) {
          overwritten = true;
          await store.put("a", 2);
        }
        return forward(body);
      };
      await store.cull();
      expect(overwritten).toBe(true);
      expect(await store.get("a")).toBe(2);
    });
  });

  describe.skipIf(skipped)(`the table on ${name}`, () => {
    it("that does not exist is an error which says what makes it; once it is there, all works", async () => {
      const options = { ...given(), table: "not-yet" };
      const store = dynamodbStore(options);
      const error = await rejection(store.put("a", 1));
      expect(error).toMatchObject({ code: "BACKEND_FAILURE", outcome: "not-applied", retryable: false });
      expect(String(error)).toMatch(/table does not exist.*createTable/);
      for (const call of [
        () => store.get("a"),
        () => store.getMany(["a"]),
        () => store.ping(),
        () => listed(store.collections()),
      ]) {
        expect(String(await rejection(call()))).toMatch(/table does not exist/);
      }
      await createTable(options);
      await store.put("a", 1);
      await table.client.send(new DeleteTableCommand({ TableName: "not-yet" }));
      expect(String(await rejection(store.get("a")))).toMatch(/table does not exist/);
      await createTable(options);
      expect(await store.get("a")).toBeUndefined();
      await store.close();
    });

    it("is made by the option, by several stores at once, and as Python makes it", async () => {
      const options = { ...given(), table: "by-option", createTable: true };
      const stores = Array.from({ length: 5 }, () => dynamodbStore(options));
      await Promise.all(stores.map((store, at) => store.put(`key-${at}`, at)));
      for (const store of stores) expect(await listed(store.collection().keys())).toHaveLength(5);
      await Promise.all(stores.map((store) => store.close()));
      await createTable(options);
      const time = await table.client.send(new DescribeTimeToLiveCommand({ TableName: "by-option" }));
      // dynalite knows no times to live.
      const status =
        name === "moto" ? { TimeToLiveStatus: "ENABLED", AttributeName: "ttl" } : { TimeToLiveStatus: "DISABLED" };
      expect(time.TimeToLiveDescription).toMatchObject(status);
    });

    it("of another key is refused", async () => {
      await table.client.send(
        new CreateTableCommand({
          TableName: "another-key",
          KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
          AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
          BillingMode: "PAY_PER_REQUEST",
        }),
      );
      const options = { ...given(), table: "another-key" };
      expect(await rejection(createTable(options))).toMatchObject({ code: "INCOMPATIBLE_FORMAT" });
      const store = dynamodbStore(options);
      const code = name === "moto" ? /INCOMPATIBLE_FORMAT|BACKEND_FAILURE/ : /INCOMPATIBLE_FORMAT/;
      for (const call of [() => store.get("a"), () => store.put("a", 1), () => store.delete("a")]) {
        expect(await rejection(call())).toMatchObject({ code: expect.stringMatching(code) });
      }
      await store.close();
    });
  });

  describe.skipIf(skipped)(`the limits of ${name}`, () => {
    let store: DynamodbStore;
    beforeAll(() => {
      store = dynamodbStore(given());
    });
    beforeEach(() => table.empty());
    afterAll(async () => {
      await store.close();
      table.close();
    });

    it("of what one answer holds do not show", async () => {
      const keys = Array.from({ length: 48 }, (_, at) => `key-${at}`);
      const value = "x".repeat(350_000);
      const patient = { timeout: "60s" };
      await store.putMany(
        keys.map((key) => ({ key, value })),
        patient,
      );
      const read = await store.getMany(keys, patient);
      expect(read.filter((one) => one === value)).toHaveLength(48);
      expect(await listed(store.collection().keys(patient))).toHaveLength(48);
      expect(await listed(store.collections(patient))).toEqual(["default_collection"]);
      await store.collection().clear(patient);
      expect(await table.items()).toEqual([]);
    });

    it("of an item refuse what is too large in a batch, and that alone", async () => {
      const error = await rejection(
        store.putMany([
          { key: "small", value: 1 },
          { key: "large", value: "x".repeat(410_000) },
        ]),
      );
      expect(error).toMatchObject({
        failures: [{ key: "large", error: { code: "VALUE_TOO_LARGE", outcome: "not-applied" } }],
      });
      expect(await store.get("small")).toBe(1);
      expect(await rejection(store.update("small", () => "x".repeat(410_000)))).toMatchObject({
        code: "VALUE_TOO_LARGE",
        outcome: "not-applied",
      });
    });
  });

  // moto closes each connection after its answer.
  describe.skipIf(skipped || name === "moto")("the connections", () => {
    let proxy: MutingProxy;
    let store: DynamodbStore;
    beforeEach(async () => {
      proxy = await MutingProxy.start(server.port);
      store = dynamodbStore({ ...given(), endpoint: proxy.endpoint });
    });
    afterEach(async () => {
      await store.close();
      proxy.close();
    });

    it("that die without a sign are all given up for others when a call has waited in vain", async () => {
      await store.put("a", 1);
      await Promise.all(Array.from({ length: 20 }, () => store.get("a")));
      expect(proxy.links.size).toBeGreaterThan(1);
      proxy.mute();
      expect(await rejection(store.get("a", { timeout: 300 }))).toMatchObject({ code: "TIMEOUT" });
      // On one that was made anew: none of the others would answer.
      expect(await store.get("a", { timeout: "20s" })).toBe(1);
    });

    it("that are idle are closed by the store, before the server does", async () => {
      await store.put("a", 1);
      const [link] = proxy.links;
      const ended = await new Promise<string>((resolve) => {
        link?.near.once("end", () => resolve("by the store"));
        link?.far.once("end", () => resolve("by the server"));
      });
      expect(ended).toBe("by the store");
      expect(await store.get("a")).toBe(1);
    });
  });
}

/** Passes all on, but nothing any more on connections that are muted. */
class MutingProxy extends Relay {
  readonly #muted = new WeakSet<Link>();

  static start(target: number): Promise<MutingProxy> {
    return new MutingProxy(target).listen();
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  mute(): void {
    for (const link of this.links) this.#muted.add(link);
  }

  protected override pass(link: Link): void {
    const { near, far } = link;
    near.on("data", (bytes) => this.#muted.has(link) || far.write(bytes));
    far.on("data", (bytes) => this.#muted.has(link) || near.write(bytes));
  }
}
