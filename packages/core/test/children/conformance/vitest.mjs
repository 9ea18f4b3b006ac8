import { conformance } from "@kv/core/conformance";
import { describe, it } from "vitest";
import { target } from "./target.ts";

await conformance(target).register({ describe, it });
