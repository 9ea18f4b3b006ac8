/** Keyv over a Map, with its defaults. */
import Keyv from "keyv";
import type { Contender } from "../contender.ts";
import { keyvRecords } from "./peers/keyv.ts";

export async function open(): Promise<Contender> {
  const map = new Map();
  return { collection: (namespace) => keyvRecords(new Keyv({ store: map, namespace })), async close() {} };
}
