import { conformance } from "@kv/core/conformance";
import { target } from "./target.ts";

// Jest's own are global.
await conformance(target).register({ describe, it });
