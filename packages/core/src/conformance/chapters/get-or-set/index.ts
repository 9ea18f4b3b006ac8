/** Chapter "get-or-set": a value that is not there is made once, however many ask for it. */
import type { Property } from "../../property.ts";
import { aborting } from "./aborting.ts";
import { failing } from "./failing.ts";
import { making } from "./making.ts";
import { stale } from "./stale.ts";
import { stores } from "./stores.ts";

export const getOrSet: readonly Property[] = [...making, ...failing, ...aborting, ...stale, ...stores];
