/** kv in memory under one wrapper that does nothing. */
import type { Contender } from "../contender.ts";
import { openUnder } from "./around.ts";

export async function open(): Promise<Contender> {
  return openUnder(1);
}
