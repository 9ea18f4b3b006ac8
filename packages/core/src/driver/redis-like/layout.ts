/** Which servers hold all names between them, and whether that is still so at another time. */
import { StoreUnavailableError } from "../../errors.ts";

export interface Layout {
  /** As the client library tells them apart. */
  readonly servers: readonly string[];
  /** Another one once records may have moved, or cursors of SCAN mean nothing any more: a failover, a restart. */
  readonly version: string;
  /** Whether records are just being moved from one server to another. */
  readonly moving: boolean;
}

/** What a master of a cluster says. */
export interface View {
  /** Its answer to CLUSTER NODES. */
  readonly nodes: string;
  /** What changes when it is started anew, where the name by which it is called does not. */
  readonly run?: string | undefined;
}

const SLOTS = 16_384;

/** A master as a line of CLUSTER NODES tells it. */
interface Master {
  readonly id: string;
  readonly epoch: number;
  readonly slots: readonly (readonly [first: number, last: number])[];
  /** The nodes to which it is moving slots. */
  readonly targets: readonly string[];
  /** All about its slots, those on their way too, which no other node tells. */
  readonly text: string;
  readonly myself: boolean;
}

/**
 * The masters of a cluster, by the views of all that could be asked. Nodes learn of changes one after the other: of two
 * that claim a slot the younger claim counts, as it does among them.
 * @throws StoreUnavailableError where a slot is not served, or by a master that could not be asked
 */
export function layoutOf(views: ReadonlyMap<string, View>): Layout {
  const masters = new Map<string, Master>();
  const asked = new Map<string, { readonly server: string; readonly run: string }>();
  for (const [server, { nodes, run = "" }] of views) {
    for (const master of nodes.split("\n").flatMap(mastersOf)) {
      if (master.myself) asked.set(master.id, { server, run });
      const known = masters.get(master.id);
      if (!known || master.myself || (!known.myself && master.epoch > known.epoch)) masters.set(master.id, master);
    }
  }
  const needed = new Set(ownersOf([...masters.values()]));
  for (const id of [...needed]) for (const target of masters.get(id)?.targets ?? []) needed.add(target);
  const lines = [...needed].map((id) => {
    const { server, run } = asked.get(id) ?? unavailable("a master of the cluster cannot be reached");
    const { epoch, text } = masters.get(id) as Master;
    return { server, text: [id, epoch, text, server, run].join(" ") };
  });
  return {
    servers: lines.map(({ server }) => server),
    version: lines
      .map(({ text }) => text)
      .sort()
      .join("\n"),
    moving: lines.some(({ text }) => text.includes("[")),
  };
}

/** `<id> <address> <flags> <master> <ping> <pong> <epoch> <link> <slot or range or [slot->-id] or [slot-<-id]> …` */
function mastersOf(line: string): Master[] {
  const [id = "", , flags = "", , , , epoch, , ...slots] = line.trim().split(" ");
  const all = flags.split(",");
  if (!all.includes("master") || all.includes("handshake")) return [];
  const ranges = slots.filter((slot) => !slot.startsWith("[")).map((slot) => slot.split("-").map(Number));
  return [
    {
      id,
      epoch: Number(epoch),
      slots: ranges.map(([first = 0, last = first]) => [first, last] as const),
      targets: slots.flatMap((slot) => /^\[\d+->-(\w+)\]$/.exec(slot)?.[1] ?? []),
      text: slots.join(" "),
      myself: all.includes("myself"),
    },
  ];
}

/** The ids of the masters to which the slots belong. */
function ownersOf(masters: readonly Master[]): string[] {
  const owners = new Array<Master | undefined>(SLOTS);
  for (const master of masters) {
    for (const [first, last] of master.slots) {
      for (let slot = first; slot <= last; slot++) {
        if (master.epoch > (owners[slot]?.epoch ?? -1)) owners[slot] = master;
      }
    }
  }
  return [...owners].map((owner) => owner?.id ?? unavailable("a slot of the cluster is not served"));
}

function unavailable(why: string): never {
  throw new StoreUnavailableError(why);
}
