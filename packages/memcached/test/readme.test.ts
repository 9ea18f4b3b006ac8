// The example of the README is the one in examples/, and does what it says.

import { exampleSuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";

const { server, skipped } = await serverFor(vitest, "memcached", { own: true });

exampleSuite(vitest, {
  skipped,
  folder: new URL("../", import.meta.url),
  environment: () => ({ MEMCACHED_URL: server.url }),
});
