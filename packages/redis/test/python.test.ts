// One server shared with py-key-value-aio's RedisStore, live and both ways.

import { PythonStore, pythonFor, redisLikePythonSuite, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { redisStore } from "../src/index.ts";
import { groupClient } from "./helpers.ts";

const { server, skipped: noServer } = await serverFor(vitest, "redis", { own: true });
const { python, skipped: noPython } = await pythonFor();
const client = groupClient(server, noServer);

redisLikePythonSuite(vitest, {
  name: "RedisStore",
  skipped: noServer ?? noPython,
  python: () =>
    new PythonStore(python, {
      imports: "from key_value.aio.stores.redis import RedisStore",
      store: "RedisStore(url=server)",
      server: () => server.url,
    }),
  open: (options) => redisStore({ url: server.url, ...options }),
  ask: (command = "", ...rest) => client.call(command, ...rest),
  shortestTtl: 0.3,
});
