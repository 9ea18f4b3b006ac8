/** Chapter "batches": many records in one call, in order, whatever the backend's own limits. */
import type { Property } from "../../property.ts";
import { answers } from "./answers.ts";
import { failures } from "./failures.ts";
import { iterables } from "./iterables.ts";
import { refusals } from "./refusals.ts";

export const batches: readonly Property[] = [...answers, ...iterables, ...refusals, ...failures];
