// Makes records.json anew: node --conditions=@kv/source --import tsx test/golden/make.ts

import { makeGolden } from "@kv/test-servers";

await makeGolden(new URL(".", import.meta.url), "elasticsearch", ({ port }) => `http://127.0.0.1:${port}`);
