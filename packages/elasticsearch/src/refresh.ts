/**
 * Making visible to searches what has been written until now. `_refresh` needs a privilege of its own; without that,
 * whoever may write has it by writes that change nothing: `_bulk` refreshes the shards that it was sent to.
 */
import { StoreUnavailableError } from "@kv/core";
import type { Call } from "@kv/core/driver";
import { at, listAt, numberAt, textAt } from "./json.ts";
import { explainRefusal, Refusal, refusalIn } from "./refusals.ts";
import { type Server, unlessRefused } from "./server.ts";

/** How many indices are refreshed in one request. */
const AT_ONCE = 50;

/** No document is ever at this place, so that its deletion is refused once it has come to its shard. */
const NOWHERE = { _id: "kv", if_seq_no: Number.MAX_SAFE_INTEGER, if_primary_term: 1 };

/** Among so many writes for each shard, of as many routings, there is one for every shard: all but certainly, and checked. */
const WRITES_A_SHARD = 50;

/** @param indices names, or patterns with a `*` @throws KeyValueError */
export async function refresh(server: Server, indices: readonly string[], call: Call): Promise<void> {
  try {
    const path = `/${indices.map(encodeURIComponent).join(",")}/_refresh`;
    const { body } = await server.send({ method: "POST", path, body: "" }, call);
    if (numberAt(body, "_shards", "failed")) throw awayError();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.noIndex) return;
    if (error.status !== 403 || error.type !== "security_exception") throw explainRefusal(error);
    const names = await namesOf(server, indices, call);
    while (names.length > 0) await refreshByWriting(server, names.splice(0, AT_ONCE), call);
  }
}

async function namesOf(server: Server, indices: readonly string[], call: Call): Promise<string[]> {
  if (!indices.some((name) => name.includes("*"))) return [...indices];
  const path = `/${indices.map(encodeURIComponent).join(",")}/_field_caps?fields=key`;
  const { body } = await unlessRefused(server.send({ method: "POST", path, body: "{}" }, call));
  return listAt(body, "indices").filter((name) => typeof name === "string");
}

async function refreshByWriting(server: Server, names: readonly string[], call: Call): Promise<void> {
  const shards = await shardsOf(server, names, call);
  const lines = [...shards].flatMap(([_index, count]) =>
    Array.from({ length: count === 1 ? 1 : count * WRITES_A_SHARD }, (_, nth) =>
      JSON.stringify({ delete: { ...NOWHERE, _index, routing: String(nth) } }),
    ),
  );
  if (lines.length === 0) return;
  const request = { method: "POST", path: "/_bulk?refresh=true", body: `${lines.join("\n")}\n` } as const;
  const { body } = await unlessRefused(server.send(request, call));
  const reached = new Map([...shards.keys()].map((name) => [name, new Set<string>()]));
  for (const item of listAt(body, "items")) {
    const refusal = refusalIn(at(item, "delete"));
    if (refusal?.noIndex) reached.delete(textAt(item, "delete", "_index") ?? "");
    else if (refusal && refusal.status !== 409) throw explainRefusal(refusal);
    else reached.get(textAt(item, "delete", "_index") ?? "")?.add(textAt(item, "delete", "error", "shard") ?? "");
  }
  for (const [name, some] of reached) if (some.size !== shards.get(name)) throw awayError();
}

/** How many shards each index has, of those that are there. */
async function shardsOf(server: Server, names: readonly string[], call: Call): Promise<ReadonlyMap<string, number>> {
  const searches = names.map((index) => `${JSON.stringify({ index })}\n{"size": 0, "track_total_hits": false}\n`);
  const request = { method: "POST", path: "/_msearch", body: searches.join("") } as const;
  const { body } = await unlessRefused(server.send(request, call));
  const answers = listAt(body, "responses");
  const shards = new Map<string, number>();
  for (const [nth, name] of names.entries()) {
    const refusal = refusalIn(answers[nth]);
    if (refusal && !refusal.noIndex) throw explainRefusal(refusal);
    if (!refusal) shards.set(name, numberAt(answers[nth], "_shards", "total") ?? 0);
  }
  return shards;
}

function awayError(): StoreUnavailableError {
  return new StoreUnavailableError("a part of the index cannot serve now");
}
