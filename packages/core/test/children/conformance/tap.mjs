import { conformance } from "@kv/core/conformance";
import { target } from "./target.ts";

await conformance(target).tap();
