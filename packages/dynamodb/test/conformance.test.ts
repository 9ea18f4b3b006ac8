// The contract on dynalite: plain and under all wrappers, behind a proxy that breaks the connection, and with a server that
// is killed, paused and restarted.

import { conformance, underWrappers } from "@kv/core/conformance";
import * as vitest from "vitest";
import { describe, it } from "vitest";
import { isBrief, serverWithTable, targetOf } from "./helpers.ts";

const { server, skipped } = await serverWithTable(vitest, "dynalite", "conformance", { external: true });

if (skipped) {
  it.skip("conformance");
} else {
  const target = targetOf("dynamodb on dynalite", server, "conformance");
  await conformance(server.external ? target : { ...target, process: server }).register({ describe, it });
  for (const wrapped of underWrappers(target).slice(-1)) {
    await conformance(wrapped).register({ describe, it }, { only: isBrief });
  }
}
