// The port is ours, or it is another one.

import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { serverFor } from "../src/index.ts";
import { OwnServer } from "../src/own-server.ts";
import { redis } from "../src/servers/redis.ts";
import { ask, pidOf } from "./helpers.ts";

const { server: other, skipped } = await serverFor(vitest, "redis", { own: true });

describe.skipIf(skipped)("a port that another server took first", () => {
  it("is given up, though that server answers", async () => {
    const ports: number[] = [];
    const unlucky: typeof redis = {
      ...redis,
      async prepare(place, options) {
        const plan = await redis.prepare(place, options);
        const actual = (port: number) => (port === ports[0] ? other.port : port);
        const args = (port: number) => plan.args(ports.push(port) === 1 ? other.port : port);
        return { ...plan, args, ready: (port) => plan.ready(actual(port)) };
      },
    };
    for (const source of redis.sources) {
      const program = await source.get().catch(() => undefined);
      if (program === undefined) continue;
      await using server = await OwnServer.start(unlucky, program, {});
      expect(ports).toEqual([expect.any(Number), server.port]);
      expect(await pidOf(server)).not.toBe(await pidOf(other));
      break;
    }
    expect(await ask(other, "PING")).toBe("PONG");
  });
});
