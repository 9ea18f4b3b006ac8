/** Two workers of a gateway that share a store. */
import { describe, it } from "vitest";
import { sharedStores } from "../support/stores.ts";
import { askOnce } from "./support/workers.ts";

const stores = await sharedStores();

describe.each(stores)("workers that share $name", ({ url, skipped }) => {
  it.skipIf(skipped)("ask a server once, but not for another user, nor for another server of its name", () =>
    askOnce(url),
  );
});
