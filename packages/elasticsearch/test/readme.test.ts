// The example of the README is the one in examples/, and does what it says.

import { exampleSuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, expect } from "vitest";
import { Asker } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "elasticsearch");

exampleSuite(vitest, {
  skipped,
  folder: new URL("../", import.meta.url),
  environment: () => ({ ELASTICSEARCH_URL: `${server.url}/readme` }),
});

afterAll(async () => {
  if (skipped) return;
  const asker = new Asker(() => server);
  expect(await asker.indices("readme")).toEqual(["readme-users"]);
  await asker.deleteIndices("readme");
});
