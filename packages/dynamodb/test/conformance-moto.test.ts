// The contract on moto, which forgets all when it ends, and is slow.

import * as vitest from "vitest";
import { it } from "vitest";
import { isBrief, registerSuite, serverWithTable } from "./helpers.ts";

const table = "conformance";
const { server, skipped } = await serverWithTable(vitest, "moto", table, { external: true });

if (skipped) it.skip("conformance");
else await registerSuite(vitest, { name: "dynamodb on moto", server, table }, isBrief);
