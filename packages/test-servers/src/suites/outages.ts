// A server that is killed, paused and restarted, again and again. Longer with KV_CONFORMANCE=thorough.

import { conformance, type Target } from "@kv/core/conformance";
import type * as vitest from "vitest";
import type { Server } from "../server.ts";

export interface OutageOptions {
  readonly name: string;
  readonly server: Server;
  readonly skipped: string | undefined;
  /** A store on the server. */
  readonly open: Target["open"];
  /** Whether a server that is killed loses its data. Default: false. */
  readonly forgets?: boolean;
  readonly timeScale?: number;
}

/** Registers the conformance suite's chapter of outages. `runner` is vitest itself. */
export async function outagesSuite(runner: typeof vitest, options: OutageOptions): Promise<void> {
  const { describe, it } = runner;
  const { server, skipped, ...target } = options;
  if (skipped) {
    it.skip(`outages of ${target.name}`);
    return;
  }
  await conformance({ ...target, shared: true, process: server }).register(
    { describe, it },
    { only: ({ chapter }) => chapter === "outages" },
  );
}
