// Telemetry: spans and metrics as the semantic conventions have them, read back from OpenTelemetry's own SDK.

import { createStore, StoreUnavailableError } from "@kv/core";
import { around, type Driver, forward } from "@kv/core/driver";
import { telemetry } from "@kv/core/telemetry";
import { context, metrics, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  type HistogramMetricData,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterEach, describe, expect, it } from "vitest";
import { CompleteDriver } from "../../examples/complete-driver.ts";
import { rejection } from "./held-driver.ts";

const all = { write: true, atomic: true, enumerate: true, clear: true, durable: true } as const;

function sdk() {
  const spans = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const durations = async () => {
    await reader.forceFlush();
    const data =
      exporter
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
    return data as HistogramMetricData[];
  };
  return { spans, tracerProvider, meterProvider, durations };
}

function traced(driver: Driver = new CompleteDriver(), options: Parameters<typeof telemetry>[0] = {}) {
  const { tracerProvider, meterProvider, ...seen } = sdk();
  const store = createStore({ ...forward(driver, {}), capabilities: all }).with(
    telemetry({ tracerProvider, meterProvider, ...options }),
  );
  return { store, tracerProvider, ...seen };
}

afterEach(() => {
  for (const api of [trace, metrics, context]) api.disable();
});

describe("a span", () => {
  it("is named and described by the stable conventions for databases", async () => {
    const { store, spans } = traced(forward(new CompleteDriver(), { name: "redis" }));
    await store.collection("users").get("ada");
    await store.collection("users").increment("n");
    for await (const _ of store.collections());
    expect(spans.getFinishedSpans().map(({ name, kind, attributes }) => ({ name, kind, attributes }))).toEqual([
      {
        name: "get users",
        kind: SpanKind.CLIENT,
        attributes: { "db.system.name": "redis", "db.operation.name": "get", "db.collection.name": "users" },
      },
      expect.objectContaining({ name: "get users" }),
      expect.objectContaining({ name: "swap users" }),
      {
        name: "collections",
        kind: SpanKind.CLIENT,
        attributes: { "db.system.name": "redis", "db.operation.name": "collections" },
      },
    ]);
    expect(spans.getFinishedSpans()[0]?.status).toEqual({ code: SpanStatusCode.UNSET });
  });

  it("of a batch has its size, which is never 1", async () => {
    const inner = new CompleteDriver();
    const { store, spans } = traced(forward(inner, { getMany: (ids) => ids.map((id) => inner.get(id)) }));
    await store.getMany(["a", "b", "c"]);
    await store.getMany(["a"]);
    const [three, one] = spans.getFinishedSpans();
    expect(three?.attributes).toMatchObject({ "db.operation.name": "BATCH get", "db.operation.batch.size": 3 });
    expect(one?.attributes["db.operation.name"]).toBe("get");
    expect(one?.attributes).not.toHaveProperty("db.operation.batch.size");
  });

  it.each([
    ["dynamodb", "aws.dynamodb", SpanKind.CLIENT],
    ["memcached", "memcached", SpanKind.CLIENT],
    ["memory", "memory", SpanKind.INTERNAL],
    ["rocksdb", "rocksdb", SpanKind.INTERNAL],
  ])("of %s has the system %s", async (name, system, kind) => {
    const { store, spans } = traced(forward(new CompleteDriver(), { name }));
    await store.get("a");
    expect(spans.getFinishedSpans()[0]).toMatchObject({ kind, attributes: { "db.system.name": system } });
  });

  it("of what fails has the error's code, also where the driver hangs, and where a batch failed in part", async () => {
    const driver = forward(new CompleteDriver(), {
      get: () => new Promise<never>(() => {}),
      put: () => {
        throw new Error("s3cret");
      },
      getMany: (ids) => ids.map((_, at) => (at === 0 ? new StoreUnavailableError("down") : undefined)),
    });
    const { store, spans } = traced(driver);
    await rejection(store.put("a", 1));
    await rejection(store.get("a", { timeout: 5 }));
    await rejection(store.getMany(["a", "b"]));
    const finished = spans.getFinishedSpans();
    expect(finished.map(({ attributes }) => attributes["error.type"])).toEqual([
      "BACKEND_FAILURE",
      "TIMEOUT",
      "BATCH_FAILED",
    ]);
    for (const { status } of finished) expect(status.code).toBe(SpanStatusCode.ERROR);
  });

  it("never has keys, values or the backend's own messages; collections only where wanted", async () => {
    const driver = around(new CompleteDriver(), ({ operation }, call, exchange) => {
      if (operation === "delete") throw new Error("s3cret-cause");
      return exchange(call);
    });
    const { store, spans, durations } = traced(driver, { collections: false });
    const c = store.collection("s3cret-collection");
    await c.put("s3cret-key", "s3cret-value");
    await c.get("s3cret-key");
    await rejection(c.delete("s3cret-key"));
    const seen = spans
      .getFinishedSpans()
      .map(({ name, attributes, events, status }) => [name, attributes, events, status]);
    expect(seen).toHaveLength(3);
    expect(JSON.stringify([seen, (await durations()).map(({ dataPoints }) => dataPoints)])).not.toContain("s3cret");
  });

  it("lies under the caller's, and over those of the backend's client", async () => {
    const manager = new AsyncLocalStorageContextManager().enable();
    context.setGlobalContextManager(manager);
    const { tracerProvider, meterProvider, spans } = sdk();
    const tracer = tracerProvider.getTracer("test");
    const inner = new CompleteDriver();
    const driver = forward(inner, {
      get: async (id) => {
        await Promise.resolve();
        tracer.startSpan("the client's").end();
        return inner.get(id);
      },
    });
    const store = createStore({ ...driver, capabilities: all }).with(telemetry({ tracerProvider, meterProvider }));
    await tracer.startActiveSpan("the caller's", async (span) => {
      await store.get("a");
      span.end();
    });
    const [client, ours, caller] = spans.getFinishedSpans();
    expect([client?.name, ours?.name, caller?.name]).toEqual([
      "the client's",
      "get default_collection",
      "the caller's",
    ]);
    expect(client?.parentSpanContext?.spanId).toBe(ours?.spanContext().spanId);
    expect(ours?.parentSpanContext?.spanId).toBe(caller?.spanContext().spanId);
  });
});

describe("the metric", () => {
  it("is the duration in seconds, by operation, collection and error, with the advised buckets", async () => {
    const driver = around(new CompleteDriver(), async ({ operation }, call, exchange) => {
      if (operation === "put") throw new StoreUnavailableError("down");
      await new Promise((resolve) => setTimeout(resolve, 20));
      return exchange(call);
    });
    const { store, durations } = traced(driver);
    await store.get("a");
    await store.get("b");
    await rejection(store.put("a", 1));
    const [metric, ...more] = await durations();
    expect(more).toEqual([]);
    expect(metric?.descriptor).toMatchObject({ name: "db.client.operation.duration", unit: "s" });
    const [gets, puts] = metric?.dataPoints ?? [];
    expect(gets?.attributes).toEqual({
      "db.system.name": "complete",
      "db.operation.name": "get",
      "db.collection.name": "default_collection",
    });
    expect(gets?.value.count).toBe(2);
    expect(gets?.value.min).toBeGreaterThan(0.017);
    expect(gets?.value.min).toBeLessThan(17);
    expect(gets?.value.buckets.boundaries).toEqual([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]);
    expect(puts?.attributes["error.type"]).toBe("UNAVAILABLE");
  });

  it("is recorded also of spans that are not sampled", async () => {
    const tracerProvider = new BasicTracerProvider({ sampler: new AlwaysOffSampler() });
    const { store, durations } = traced(new CompleteDriver(), { tracerProvider });
    await store.get("a");
    expect((await durations())[0]?.dataPoints[0]?.value.count).toBe(1);
  });
});

it("without an SDK nothing is recorded, and answers come without a promise as before", () => {
  const outer = telemetry().apply(new CompleteDriver());
  expect(outer.get({ collection: "c", key: "a" }, { markSent() {} } as never)).toBeUndefined();
});

it("takes the SDK that the program registers, also after the store was made and used", async () => {
  const store = createStore(new CompleteDriver()).with(telemetry());
  await store.get("before");
  const { tracerProvider, meterProvider, spans, durations } = sdk();
  trace.setGlobalTracerProvider(tracerProvider);
  metrics.setGlobalMeterProvider(meterProvider);
  await store.get("a");
  expect(spans.getFinishedSpans()).toHaveLength(1);
  expect((await durations())[0]?.dataPoints[0]?.value.count).toBe(1);
});
