/** The suite on a driver for a server over TCP, with the faults of the network and of the server, and under the retry wrapper. */
import { createStore } from "@kv/core";
import { conformance, type Target } from "@kv/core/conformance";
import { retry } from "@kv/core/wrappers";
import { afterAll, describe, expect, it } from "vitest";
import { LineDriver } from "../support/line-driver.ts";
import { LineServer } from "../support/line-server.ts";

const server = await LineServer.start();
afterAll(() => server.kill());

const through: NonNullable<Target["through"]> = (address, options) => createStore(new LineDriver(address), options);

const plain: Target = {
  name: "line",
  shared: true,
  server: server.address,
  process: server,
  through,
  open: (options) => through(server.address, options),
};
const plan = await conformance(plain).register({ describe, it });

await conformance({
  ...plain,
  name: "line, under retry",
  through: async (address, options) => (await through(address, options)).with(retry()),
  open: async (options) => (await through(server.address, options)).with(retry()),
}).register({ describe, it });

it("leaves out nothing but what checks that a capability lacks", () => {
  const reasons = plan.notApplicable.map(({ reason }) => reason);
  expect(reasons.filter((reason) => !reason.startsWith("the store claims"))).toEqual([]);
});
