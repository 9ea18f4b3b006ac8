import { describe, it } from "@jest/globals";
import { conformance } from "@kv/core/conformance";
import { target } from "./target.ts";

await conformance(target).register({ describe, it });
