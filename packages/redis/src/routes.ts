/** Which node of a cluster a request goes to, and where it goes when that says that another has the slot. */
import { type KeyValueError, StoreUnavailableError } from "@kv/core";
import { type Call, type Command, type CommandReply, inTime, silent } from "@kv/core/driver";
import { ReplyError } from "ioredis";
import { explain } from "./errors.ts";
import type { Node } from "./node.ts";
import type { Nodes } from "./nodes.ts";
import { slotOf } from "./slots.ts";

/** How often a request follows nodes that say that its slot is another's. */
const REDIRECTIONS = 8;

export class Routes {
  readonly #nodes: Nodes;

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
  }

  async send(name: string, call: Call, writes: boolean, send: (node: Node) => Promise<unknown>): Promise<unknown> {
    const slot = slotOf(name);
    let node = this.#nodes.ownerOf(slot);
    if (!node?.usable) {
      if (writes) call.markSent(false);
      node = await this.#nodes.find(slot, call);
      if (writes) call.markSent();
    }
    try {
      return await send(node);
    } catch (error) {
      return await this.#follow(error, node, call, send);
    }
  }

  /** Goes where a node says that the slot is now, which has done nothing itself. */
  async #follow(error: unknown, from: Node, call: Call, send: (node: Node) => Promise<unknown>): Promise<unknown> {
    let [reason, node] = [error, from];
    for (let left = REDIRECTIONS; left > 0; left--) {
      const to = redirection(reason);
      if (!to) break;
      if (!to.asking) void this.#nodes.refresh();
      node = this.#nodes.at(to.address, node);
      await this.#nodes.reach(node, call);
      try {
        // Opens the slot to the one request that follows on the connection.
        if (to.asking) node.send(["asking"], call).catch(() => {});
        return await send(node);
      } catch (next) {
        reason = next;
      }
    }
    throw reason;
  }

  /** The answers to all, side by side from all nodes that they concern; an error in the place of what failed. */
  async sendAll(commands: readonly Command[], call: Call): Promise<readonly CommandReply[]> {
    const replies: CommandReply[] = [];
    const positions = commands.map((_, at) => at);
    await this.#sendParts(commands, positions, replies, call);
    // What comes late is not to change what was given.
    return [...replies];
  }

  /** The answers to those at the positions, each at its own. */
  async #sendParts(
    commands: readonly Command[],
    positions: readonly number[],
    replies: CommandReply[],
    call: Call,
  ): Promise<void> {
    const slots = new Map(positions.map((at) => [at, slotOf(nameIn(commands[at] as Command) ?? "")]));
    const parts = new Map<Node | undefined, number[]>();
    for (const [at, slot] of slots) {
      const node = this.#nodes.ownerOf(slot);
      const part = parts.get(node);
      if (part) part.push(at);
      else parts.set(node, [at]);
    }
    await Promise.all(
      [...parts].map(async ([node, part]) => {
        let sent = false;
        const sending = async (): Promise<void> => {
          if (!node?.usable) {
            await this.#nodes.find(slots.get(part[0] as number) as number, call);
            return await this.#sendParts(commands, part, replies, call);
          }
          sent = true;
          const some = part.map((at) => commands[at] as Command);
          const answers = await node.sendAll(some, call);
          await Promise.all(
            part.map(async (at, index) => {
              const answer = answers[index];
              replies[at] = await this.#settle(answer, node, commands[at] as Command, call);
            }),
          );
        };
        const fail = (error: KeyValueError): void => {
          for (const at of part) replies[at] ??= error;
        };
        const done = sending().catch((error: unknown) => fail(explainRouted(error)));
        // Of a node that is alone there are no others to tell of.
        await (parts.size === 1 ? done : inTime(call, done, () => fail(silent(sent))));
      }),
    );
  }

  /** An answer of a batch: that of another node where it says so. */
  async #settle(answer: unknown, node: Node, command: Command, call: Call): Promise<CommandReply> {
    if (!(answer instanceof Error)) return answer as CommandReply;
    try {
      return (await this.#follow(answer, node, call, (other) => other.send(command, call))) as CommandReply;
    } catch (error) {
      return explainRouted(error);
    }
  }
}

export function explainRouted(error: unknown): KeyValueError {
  if (redirection(error)) {
    return new StoreUnavailableError("the cluster is being rearranged", { cause: error, outcome: "not-applied" });
  }
  return explain(error);
}

/** The name by which a command finds its server. */
export function nameIn(command: Command): string | undefined {
  switch (command[0]) {
    case "ping":
      return undefined;
    case "eval":
    case "evalsha":
      return command[3];
    default:
      return command[1];
  }
}

/** Where another node has the slot: for good, or for the one request. */
function redirection(error: unknown): { readonly address: string; readonly asking: boolean } | undefined {
  if (!(error instanceof Error && error instanceof ReplyError)) return undefined;
  const [, kind, address] = /^(MOVED|ASK) \d+ (\S+)/.exec(error.message) ?? [];
  return address === undefined ? undefined : { address, asking: kind === "ASK" };
}
