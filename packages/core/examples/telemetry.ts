/** Traces and metrics. */
import { telemetry } from "@kv/core/telemetry";
import { memoryStore } from "@kv/memory";

const store = memoryStore().with(telemetry()); // outside of retry: one span for all attempts; inside: one for each
await store.put("ada", { name: "Ada" }); // the span "put default_collection"
await store.close();
