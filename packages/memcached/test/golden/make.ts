// Makes records.json anew: node --conditions=@kv/source --import tsx test/golden/make.ts

import { makeGolden } from "@kv/test-servers";

await makeGolden(new URL(".", import.meta.url), "memcached", ({ port }) => port);
