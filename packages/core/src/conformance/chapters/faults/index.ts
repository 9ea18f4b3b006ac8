/** Chapter "faults": a server that is down, hangs or answers garbage is an error in time, never a miss and never a lie. */
import type { Property } from "../../property.ts";
import { everyCall } from "./every-call.ts";
import { moments } from "./moments.ts";
import { retrying } from "./retrying.ts";

export const faults: readonly Property[] = [...everyCall, ...moments, ...retrying];
