/** One glide client for as long as a driver uses it: what is in flight on it, and whether it still answers. */
import type { Call, Command } from "@kv/core/driver";
import {
  Batch,
  ClosingError,
  ClusterBatch,
  Decoder,
  GlideClient,
  GlideClusterClient,
  type GlideReturnType,
  Logger,
  NodeDiscoveryMode,
  TimeoutError,
} from "@valkey/valkey-glide";
import type { Client, Settings } from "./options.ts";
import { type Address, authorities } from "./probe.ts";
import { isLost, isUndecodable } from "./replies.ts";

/** How many commands go as one batch. */
const TOGETHER = 16;

/** The longest that glide can be told to wait, in milliseconds: some 24 days. */
const LONGEST = 2 ** 31 - 1;

/**
 * A connected client of our own. A request that glide itself would time is never made with it, see {@link Session.exec};
 * how many are under way is the store's matter, not the client's.
 */
export function connect(settings: Settings, address: Address, deadline: number): Promise<Client> {
  // glide writes warnings to the standard output, which to some programs is a protocol. Who has set it up is not overruled.
  Logger.init("off");
  const { username, password, database, tls, clientName } = settings;
  const time = patienceOf(deadline);
  const configuration = {
    addresses: [address],
    useTLS: tls !== false,
    requestTimeout: time,
    inflightRequestsLimit: LONGEST,
    ...(password !== undefined && { credentials: { password, ...(username !== undefined && { username }) } }),
    ...(database !== 0 && { databaseId: database }),
    ...(clientName !== undefined && { clientName }),
    advancedConfiguration: {
      // A node of a cluster that hangs is not to take all the time.
      connectionTimeout: settings.cluster ? Math.ceil(time / 4) : time,
      ...(tls !== false && { tlsAdvancedConfiguration: { rootCertificates: authorities(settings) } }),
    },
  };
  // With one address there is nothing to discover, and no need of a permission for INFO.
  return settings.cluster
    ? GlideClusterClient.createClient({ ...configuration, recoveryRequestsQueueSize: 0 })
    : GlideClient.createClient({ ...configuration, nodeDiscoveryMode: NodeDiscoveryMode.Static });
}

interface Waiting {
  readonly command: Command;
  readonly call: Call;
  readonly resolve: (answer: GlideReturnType) => void;
  readonly reject: (error: unknown) => void;
}

export class Session {
  readonly client: Client;
  /** How long a server may be silent; `undefined` where it is not for us to give the client up. */
  readonly #patience: number | undefined;
  /** By when the server must have answered something, since a request has gone out since it last did; 0 while none has. */
  #silentUntil = 0;
  #lost = false;
  /** What is to be sent at the end of this turn. */
  #turn: Waiting[] = [];
  #inFlight = 0;
  #retired = false;

  constructor(client: Client, patience: number | undefined) {
    this.client = client;
    this.#patience = patience;
  }

  /** False once the connection was lost, or the server has said nothing to a request by its deadline. */
  get usable(): boolean {
    return !this.#lost && (this.#silentUntil === 0 || performance.now() < this.#silentUntil);
  }

  /**
   * Sends commands in one exchange; gives glide's answers in order, with an error in the place of what failed. As a batch,
   * since that glide sends once only, and waits for it as long as it is told to: to the call's deadline.
   *
   * @param server the node of a cluster that is to be asked, as {@link askMasters} calls it
   */
  async exec(commands: readonly Command[], call: Call, server?: string): Promise<readonly GlideReturnType[]> {
    const { client } = this;
    if (this.#patience !== undefined && this.#silentUntil === 0) {
      this.#silentUntil = Math.max(call.deadline, performance.now() + this.#patience);
    }
    const began = performance.now();
    this.#inFlight++;
    try {
      const answers = await execute(client, commands, call.deadline, server);
      this.#silentUntil = 0;
      // In a cluster the connection to one node may be lost: that one glide mends by itself.
      if (client instanceof GlideClient && answers.some(isLost)) this.#lost = true;
      return answers;
    } catch (error) {
      if (isLost(error) || error instanceof ClosingError) this.#lost = true;
      else if (!(error instanceof TimeoutError)) this.#silentUntil = 0;
      else if (client instanceof GlideClusterClient && performance.now() - began >= (this.#patience ?? Infinity)) {
        // One node may hang while others answer, and glide would wait for that one for ever.
        this.#lost = true;
      }
      throw error;
    } finally {
      this.#inFlight--;
      if (this.#retired) this.retire();
    }
  }

  /**
   * Sends one command; gives glide's answer. Those of one turn of the event loop go together, which costs glide little more
   * than one: {@link TOGETHER} at a time, so that it and the server work on them while the next are made. But not in a
   * cluster, where the answers of all would wait for the slowest node.
   */
  send(command: Command, call: Call, server?: string): Promise<GlideReturnType> {
    if (this.client instanceof GlideClusterClient) {
      return this.exec([command], call, server).then(([answer = null]) => answer);
    }
    return new Promise((resolve, reject) => {
      if (this.#turn.length === 0) process.nextTick(() => this.#flush());
      if (this.#turn.push({ command, call, resolve, reject }) >= TOGETHER) this.#flush();
    });
  }

  #flush(): void {
    const turn = this.#turn;
    if (turn.length === 0) return;
    this.#turn = [];
    const { call } = turn.reduce((one, other) => (other.call.deadline > one.call.deadline ? other : one));
    this.exec(
      turn.map(({ command }) => command),
      call,
    ).then(
      (answers) => {
        for (const [at, { resolve }] of turn.entries()) resolve(answers[at] ?? null);
      },
      (error: unknown) => {
        for (const { reject } of turn) reject(error);
      },
    );
  }

  /** Asks all masters of a cluster. Their answers by their addresses; within the time that the client was made with. */
  async askMasters(command: Command): Promise<ReadonlyMap<string, string>> {
    if (!(this.client instanceof GlideClusterClient)) return new Map();
    const answers = await this.client.customCommand([...command], { route: "allPrimaries", decoder: Decoder.String });
    const pairs: readonly { readonly key?: unknown; readonly value?: unknown }[] = Array.isArray(answers)
      ? answers.map(Object)
      : [];
    return new Map(pairs.map(({ key, value }) => [String(key), String(value)]));
  }

  /** No request of this connection will be understood any more. */
  lose(): void {
    this.#lost = true;
  }

  /** Closes the client as soon as nothing is in flight on it. */
  retire(): void {
    this.#retired = true;
    if (this.#inFlight > 0 || this.#turn.length > 0) return;
    // glide keeps a connection for seconds. So asked, the server ends it; but not before glide has forgotten the client,
    // which would connect anew: the server is to wait for replicas that there are not, and glide not to wait for that.
    const goodbye = [["wait", "1000000", "100"] as const, ["quit"] as const];
    // Where that fails, as it does when the server is gone, the connection ends when glide ends it.
    execute(this.client, goodbye, 0).catch(() => {});
    this.client.close();
  }
}

/** Commands that may be sent again, and whose texts may be long. */
const READS: ReadonlySet<string> = new Set(["get", "mget", "exists"]);

/**
 * glide's answers, an error in the place of what failed. Text is had from it as text, which takes a third less
 * time than bytes; but for one text that is not UTF-8 it withholds all answers, so that only reads are asked so, and
 * asked once more where it does.
 */
async function execute(
  client: Client,
  commands: readonly Command[],
  deadline: number,
  server?: string,
): Promise<readonly GlideReturnType[]> {
  const inTime = (decoder: Decoder): Promise<GlideReturnType[] | null> => {
    const options = { timeout: patienceOf(deadline), decoder };
    if (client instanceof GlideClient) return client.exec(gathered(new Batch(false), commands), false, options);
    const route = server && { route: { type: "routeByAddress", host: server } as const };
    return client.exec(gathered(new ClusterBatch(false), commands), false, { ...options, ...route });
  };
  if (!commands.every(([name]) => READS.has(name))) return (await inTime(Decoder.Bytes)) ?? [];
  try {
    return (await inTime(Decoder.String)) ?? [];
  } catch (error) {
    if (!isUndecodable(error)) throw error;
    return (await inTime(Decoder.Bytes)) ?? [];
  }
}

function gathered<B extends Batch | ClusterBatch>(batch: B, commands: readonly Command[]): B {
  for (const command of commands) batch.customCommand([...command]);
  return batch;
}

/** Milliseconds to a moment on the clock of `performance.now()`, as glide takes them. */
function patienceOf(deadline: number): number {
  return Math.min(Math.max(1, Math.ceil(deadline - performance.now())), LONGEST);
}
