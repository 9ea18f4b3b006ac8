import { describe, it } from "node:test";
import { conformance } from "@kv/core/conformance";
import { target } from "./target.ts";

await conformance(target).register({ describe, it });
