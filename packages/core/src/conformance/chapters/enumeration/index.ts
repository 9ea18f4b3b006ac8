/** Chapter "enumeration": listing and clearing are complete, and reach nothing else. */
import type { Property } from "../../property.ts";
import { clearing } from "./clearing.ts";
import { collections } from "./collections.ts";
import { cull } from "./cull.ts";
import { listing } from "./listing.ts";
import { loops } from "./loops.ts";
import { meanwhile } from "./meanwhile.ts";
import { prefixes } from "./prefixes.ts";

export const enumeration: readonly Property[] = [
  ...listing,
  ...collections,
  ...meanwhile,
  ...loops,
  ...clearing,
  ...prefixes,
  ...cull,
];
