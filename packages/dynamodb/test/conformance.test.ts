// The contract on dynalite: plain and under all wrappers, behind a proxy that breaks the connection, and with a server that
// is killed, paused and restarted.

import { underWrappers } from "@kv/core/conformance";
import * as vitest from "vitest";
import { it } from "vitest";
import { isBrief, registerSuite, serverWithTable } from "./helpers.ts";

const table = "conformance";
const { server, skipped } = await serverWithTable(vitest, "dynalite", table, { external: true });

if (skipped) {
  it.skip("conformance");
} else {
  const place = { name: "dynamodb on dynalite", server, table };
  await registerSuite(
    vitest,
    place,
    () => true,
    (target) => (server.external ? target : { ...target, process: server }),
  );
  await registerSuite(vitest, place, isBrief, (target) => underWrappers(target).at(-1) ?? target);
}
