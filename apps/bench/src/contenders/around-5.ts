/** kv in memory under five wrappers that do nothing. */
import type { Contender } from "../contender.ts";
import { openUnder } from "./around.ts";

export async function open(): Promise<Contender> {
  return openUnder(5);
}
