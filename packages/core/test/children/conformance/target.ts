/** The store that the runners' processes hold the suite against; `FAULT` in the environment breaks it. */
import type { Target } from "@kv/core/conformance";
import type { Call, MaybePromise, RecordId } from "@kv/core/driver";
import { createStore } from "../../../src/index.ts";
import { MapDriver } from "../../support/map-driver.ts";

class Forgetful extends MapDriver {
  override delete(id: RecordId, call: Call): MaybePromise<boolean> {
    super.delete(id, call);
    return true;
  }
}

const fault = process.env.FAULT;
let opened = 0;

export const target: Target = {
  name: "map",
  async open(options) {
    // The first is opened to see what the store can do; the second is the first property's, longer than any runner's
    // default timeout.
    if (++opened === 2 && fault === "slow") await new Promise((resolve) => setTimeout(resolve, 5500));
    return createStore(fault === undefined ? new MapDriver() : new Forgetful(), options);
  },
};
