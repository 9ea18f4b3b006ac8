/** Which stores the response cache takes. */
import type { KeyValueStore } from "@kv/core";
import { responseCache } from "@kv/mcp/server";

declare const whole: KeyValueStore<"write" | "atomic" | "enumerate" | "clear" | "durable">;
declare const least: KeyValueStore<"write">;
declare const readOnly: KeyValueStore<"enumerate">;
const server = { name: "tested", version: "1.0.0" };

responseCache({ store: whole, server });
responseCache({ store: least, server });
// @ts-expect-error what cannot be written keeps no answers
responseCache({ store: readOnly, server });
