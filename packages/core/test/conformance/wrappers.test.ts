/** The suite under each wrapper, and under all of them. */
import { createStore, type KeyValueStore, type StoreOptions } from "@kv/core";
import { conformance } from "@kv/core/conformance";
import { encryption } from "@kv/core/encryption";
import { prefixCollections, retry } from "@kv/core/wrappers";
import { describe, it } from "vitest";
import { type Data, MapDriver } from "../support/map-driver.ts";

const data: Data = new Map();
const keys = [{ id: "test", key: new Uint8Array(32).fill(7) }];
const plain = (options: StoreOptions) => createStore(new MapDriver(data), options);

const stacks: Record<string, (options: StoreOptions) => KeyValueStore<never>> = {
  encryption: (options) => plain(options).with(encryption({ keys })),
  prefixCollections: (options) => plain(options).with(prefixCollections("a__b::")),
  retry: (options) => plain(options).with(retry()),
  "encryption, prefixCollections and retry": (options) =>
    plain(options).with(encryption({ keys })).with(prefixCollections("server")).with(retry()),
};

for (const [name, open] of Object.entries(stacks)) {
  await conformance({ name, open, shared: true }).register({ describe, it });
}
