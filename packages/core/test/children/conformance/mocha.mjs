import { conformance } from "@kv/core/conformance";
import { describe, it } from "mocha";
import { target } from "./target.ts";

await conformance(target).register({ describe, it });
