// The contract on moto, which forgets all when it ends, and is slow.

import { conformance } from "@kv/core/conformance";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { isBrief, serverWithTable, targetOf } from "./helpers.ts";

const { server, skipped } = await serverWithTable(vitest, "moto", "conformance", { external: true });

if (skipped) {
  it.skip("conformance");
} else {
  const target = targetOf("dynamodb on moto", server, "conformance");
  await conformance(target).register({ describe, it }, { only: isBrief });
}
