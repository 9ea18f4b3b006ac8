// The example of the README is the one in examples/, and does what it says.

import { exampleSuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { credentials, endpointOf, SERVERS } from "./helpers.ts";

for (const name of SERVERS) {
  const { server, skipped } = await serverFor(vitest, name, { own: true });

  exampleSuite(vitest, {
    title: `the README's example, on ${name}`,
    skipped,
    folder: new URL("../", import.meta.url),
    environment: () => ({
      DYNAMODB_URL: endpointOf(server),
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    }),
  });
}
