/** Traces and metrics by OpenTelemetry, for `store.with(…)`. The only module that needs the package `@opentelemetry/api`. */
import {
  type Attributes,
  context,
  type Histogram,
  type MeterProvider,
  metrics,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import type { Call } from "../driver/driver.ts";
import { around, defineLayer, type Layer, type Subject } from "../driver/layer.ts";
import { observed } from "../driver/observe.ts";
import { InvalidArgumentError, type KeyValueError } from "../errors.ts";
import { collectionOf, failuresIn } from "./answers.ts";
import { checkOptions, flagOf } from "./options.ts";

export interface TelemetryOptions {
  /** Default: the one that the program has registered. */
  readonly tracerProvider?: TracerProvider;
  /** Default: the one that the program has registered. */
  readonly meterProvider?: MeterProvider;
  /** Whether collections are named; not where they are secret or without number, since each is a series of metrics. Default: true. */
  readonly collections?: boolean;
}

/** Names that differ from those of our backends. */
const SYSTEMS: ReadonlyMap<string, string> = new Map([["dynamodb", "aws.dynamodb"]]);
/** These work in the program's own process. */
const EMBEDDED: ReadonlySet<string> = new Set(["memory", "disk", "rocksdb"]);

/** As the conventions advise, in seconds. */
const BOUNDARIES = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/**
 * A span for each exchange with the backend, under which the spans of its client lie, and the metric
 * `db.client.operation.duration`, by the stable semantic conventions for databases. `error.type` is the error's code.
 * Never keys, values or the backend's own messages. Without an SDK nothing is recorded.
 * @throws InvalidArgumentError
 */
export function telemetry(options: TelemetryOptions = {}): Layer {
  checkOptions(options, "telemetry");
  const { tracerProvider = trace, meterProvider } = options;
  const collections = flagOf(options.collections ?? true, "collections");
  checkProvider(tracerProvider, "tracerProvider", "getTracer");
  if (meterProvider !== undefined) checkProvider(meterProvider, "meterProvider", "getMeter");
  return defineLayer("telemetry", (inner) => {
    const system = SYSTEMS.get(inner.name) ?? inner.name;
    const kind = EMBEDDED.has(inner.name) ? SpanKind.INTERNAL : SpanKind.CLIENT;
    const tracer = tracerProvider.getTracer("@kv/core");
    const durations = new Durations(meterProvider);

    return around(inner, (subject, call, exchange) => {
      const operation = operationOf(subject);
      const collection = collections ? collectionOf(subject) : undefined;
      const attributes: Attributes = {
        "db.system.name": system,
        "db.operation.name": operation,
        ...(collection !== undefined && { "db.collection.name": collection }),
      };
      const name = collection === undefined ? operation : `${operation} ${collection}`;
      const span = tracer.startSpan(name, { kind, attributes });
      const records = span.isRecording();
      const size = subject.ids?.length ?? 1;
      if (records && size > 1) span.setAttribute("db.operation.batch.size", size);
      const inside = records
        ? (c: Call) => context.with(trace.setSpan(context.active(), span), () => exchange(c))
        : exchange;
      const began = performance.now();
      return observed(call, inside, (error, answer) => {
        const type = error?.code ?? (failuresIn(answer).length > 0 ? "BATCH_FAILED" : undefined);
        durations.record(performance.now() - began, type ? { ...attributes, "error.type": type } : attributes);
        if (records) end(span, type, error);
      });
    });
  });
}

/** @throws InvalidArgumentError where it has not the method by which it is known */
function checkProvider(provider: unknown, name: string, method: string): void {
  if (typeof provider === "object" && provider !== null && typeof Reflect.get(provider, method) === "function") return;
  throw new InvalidArgumentError(`${name} must have a method "${method}"`);
}

/** `BATCH get` where the conventions call it a batch, which has at least two parts. */
function operationOf({ operation, ids }: Subject): string {
  if (ids === undefined) return operation;
  const single = operation.replace(/Many$/, "");
  return ids.length > 1 ? `BATCH ${single}` : single;
}

function end(span: Span, type: string | undefined, error: KeyValueError | undefined): void {
  if (type !== undefined) {
    span.setAttribute("error.type", type);
    // Not the exception itself, whose cause is the backend's own and may quote anything.
    span.setStatus({ code: SpanStatusCode.ERROR, ...(error && { message: error.message }) });
  }
  span.end();
}

/** The metric; of the provider that is registered now, since what was made before stays without effect. */
class Durations {
  readonly #given: MeterProvider | undefined;
  #provider: MeterProvider | undefined = undefined;
  #histogram: Histogram | undefined = undefined;

  constructor(given: MeterProvider | undefined) {
    this.#given = given;
  }

  record(milliseconds: number, attributes: Attributes): void {
    const provider = this.#given ?? metrics.getMeterProvider();
    if (provider !== this.#provider) {
      this.#provider = provider;
      this.#histogram = provider.getMeter("@kv/core").createHistogram("db.client.operation.duration", {
        description: "Duration of database client operations.",
        unit: "s",
        advice: { explicitBucketBoundaries: BOUNDARIES },
      });
    }
    this.#histogram?.record(milliseconds / 1000, attributes);
  }
}
