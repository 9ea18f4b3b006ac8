// The contract, on both servers and behind a proxy that breaks the connection; under the wrappers on the quick one.

import { conformance, underWrappers } from "@kv/core/conformance";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { dynamodbStore } from "../src/index.ts";
import { optionsFor, serversFor } from "./helpers.ts";

for (const { name, server, skipped } of await serversFor(vitest, "conformance")) {
  if (skipped) {
    it.skip(`conformance on ${name}`);
    continue;
  }
  const given = optionsFor(server, "conformance");
  const { hostname, port } = new URL(given.endpoint);
  const target = {
    name: `dynamodb on ${name}`,
    open: (options: object) => dynamodbStore({ ...given, ...options }),
    shared: true,
    server: { host: hostname, port: Number(port) },
    through: (address: { host: string; port: number }, options: object) =>
      dynamodbStore({ ...given, endpoint: `http://${address.host}:${address.port}`, ...options }),
  };
  const targets = name === "dynalite" && !process.env.PLAIN ? underWrappers(target) : [target];
  for (const one of targets) await conformance(one).register({ describe, it });
}
