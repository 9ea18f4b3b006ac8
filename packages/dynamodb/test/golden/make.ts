// Makes records.json anew: node --conditions=@kv/source --import tsx test/golden/make.ts

import { makeGolden } from "@kv/test-servers";
import { endpointOf } from "../helpers.ts";

await makeGolden(new URL(".", import.meta.url), "moto", endpointOf);
