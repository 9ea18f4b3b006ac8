/** A TCP proxy on this machine that stands between a driver and its server, and breaks what passes through it. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { ConformanceError } from "./assertions.ts";
import type { Address, Context } from "./property.ts";

/**
 * - `refuse`: nobody listens any more, and what was connected is reset
 * - `reset`: connections are accepted and reset at once, as are those that were open
 * - `silence`: connections are accepted, nothing is forwarded either way
 * - `delay`: what passes takes so much longer, each way
 * - `cut`: so many bytes of the next reply pass, then the connection is reset
 * - `lose-reply`: the next request (after those that are spared) reaches the server, its reply is swallowed, then the
 *   connection is reset, ended as by a server that closes it, or left open in silence
 * - `garbage`: each reply is replaced by bytes that are no protocol
 */
export type Fault =
  | { readonly type: "refuse" | "reset" | "silence" | "garbage" }
  | { readonly type: "delay"; readonly milliseconds: number }
  | { readonly type: "cut"; readonly bytes: number }
  | { readonly type: "lose-reply"; readonly by: "reset" | "end" | "silence"; readonly spared?: number };

const GARBAGE = Buffer.from([0x00, 0xff, 0x21, 0x67, 0x61, 0x72, 0x62, 0x61, 0x67, 0x65, 0x21, 0xfe, 0x0d, 0x0a]);

/** One address in front of one server. Listens until {@link close}. */
export class FaultProxy {
  /** Of connections accepted since the start. */
  connections = 0;
  readonly #server: Address;
  readonly #links = new Set<Link>();
  #listener: Server;
  #address: Address = { host: "127.0.0.1", port: 0 };
  #fault: Fault | undefined;
  #onIdle: (() => void) | undefined;

  private constructor(server: Address) {
    this.#server = server;
    this.#listener = this.#newListener();
  }

  static async start(server: Address): Promise<FaultProxy> {
    const proxy = new FaultProxy(server);
    await proxy.#listen();
    return proxy;
  }

  /** Where the driver connects to. */
  get address(): Address {
    return this.#address;
  }

  /** How many connections are open now. */
  get open(): number {
    return this.#links.size;
  }

  /** Connects as any client does, and ends that again. */
  async probe(): Promise<void> {
    const before = this.connections;
    const socket = connect(this.#address);
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.once("close", () => resolve());
      socket.once("connect", () => socket.end());
      socket.resume();
    });
    if (this.connections === before) throw new ConformanceError("the proxy did not accept a connection");
  }

  /** Whether within the time given, in milliseconds, no connection is open any more. */
  idle(milliseconds: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#onIdle = undefined;
        resolve(this.open === 0);
      };
      const timer = setTimeout(done, milliseconds);
      this.#onIdle = done;
      if (this.open === 0) done();
    });
  }

  /** From now on: the fault in place of any before, for `"existing"` connections only, or for those to come as well. */
  async inject(fault: Fault, scope: "all" | "existing" = "all"): Promise<void> {
    this.#fault = scope === "all" ? fault : undefined;
    for (const link of this.#links) link.inject(fault);
    if (fault.type === "refuse") await this.#stopListening();
    else await this.#listen();
  }

  /** Lets all pass again. A connection that has lost bytes is of no use any more, and is reset. */
  async heal(): Promise<void> {
    this.#fault = undefined;
    for (const link of this.#links) link.heal();
    await this.#listen();
  }

  /** Resets the open connections; new ones pass. */
  drop(): void {
    for (const link of this.#links) link.reset();
  }

  async close(): Promise<void> {
    this.drop();
    await this.#stopListening();
  }

  #newListener(): Server {
    return createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      this.connections++;
      if (this.#fault?.type === "reset") {
        client.on("error", () => {});
        client.resetAndDestroy();
        return;
      }
      const link = new Link(client, this.#server, this.#fault, () => {
        this.#links.delete(link);
        if (this.open === 0) this.#onIdle?.();
      });
      this.#links.add(link);
    });
  }

  async #listen(): Promise<void> {
    if (this.#listener.listening) return;
    this.#listener = this.#newListener();
    const { host, port } = this.#address;
    await new Promise<void>((resolve, reject) => {
      this.#listener.once("error", reject);
      this.#listener.listen(port, host, resolve);
    });
    const bound = this.#listener.address();
    if (typeof bound === "object" && bound !== null) this.#address = { host, port: bound.port };
  }

  async #stopListening(): Promise<void> {
    if (!this.#listener.listening) return;
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    this.drop();
    await closed;
  }
}

/** A proxy in front of the target's server, closed when the property ends. For properties that want `"proxy"`. */
export async function proxyOf(context: Context<never>): Promise<FaultProxy> {
  const { server } = context.target;
  if (!server) throw new ConformanceError("the target names no server");
  const proxy = await FaultProxy.start(server);
  context.defer(() => proxy.close());
  return proxy;
}

/** A connection of the driver and the one to the server that belongs to it. */
class Link {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #onClose: () => void;
  readonly #requests: DelayLine;
  readonly #replies: DelayLine;
  #fault: Fault | undefined;
  /** Requests that have passed since the fault was set: what the server says then is a reply to them. */
  #asked = 0;
  #replyBytes = 0;
  #lossy = false;

  constructor(client: Socket, server: Address, fault: Fault | undefined, onClose: () => void) {
    this.#client = client;
    this.#upstream = connect({ ...server, allowHalfOpen: true, noDelay: true });
    this.#onClose = onClose;
    this.#fault = fault;
    this.#requests = new DelayLine(this.#upstream);
    this.#replies = new DelayLine(client);
    client.on("data", (bytes: Buffer) => this.#request(bytes));
    this.#upstream.on("data", (bytes: Buffer) => this.#reply(bytes));
    client.on("end", () => this.#requests.push("end", this.#delay));
    this.#upstream.on("end", () => this.#replies.push("end", this.#delay));
    for (const socket of [client, this.#upstream]) {
      socket.on("error", () => this.reset());
      socket.on("close", () => this.reset());
    }
  }

  inject(fault: Fault): void {
    this.#fault = fault;
    this.#asked = 0;
    this.#replyBytes = 0;
    if (fault.type === "refuse" || fault.type === "reset") this.reset();
  }

  heal(): void {
    if (this.#lossy) this.reset();
    else this.#fault = undefined;
  }

  reset(): void {
    this.#requests.stop();
    this.#replies.stop();
    if (!this.#client.destroyed) this.#client.resetAndDestroy();
    this.#upstream.destroy();
    this.#onClose();
  }

  get #delay(): number {
    return this.#fault?.type === "delay" ? this.#fault.milliseconds : 0;
  }

  #request(bytes: Buffer): void {
    if (this.#fault?.type === "silence") {
      this.#lossy = true;
      return;
    }
    this.#asked++;
    this.#requests.push(bytes, this.#delay);
  }

  #reply(bytes: Buffer): void {
    const fault = this.#fault;
    if (fault?.type === "silence") {
      this.#lossy = true;
    } else if (fault === undefined || fault.type === "delay" || this.#asked <= sparedBy(fault)) {
      this.#replies.push(bytes, this.#delay);
    } else if (fault.type === "cut") {
      const passing = bytes.subarray(0, fault.bytes - this.#replyBytes);
      this.#replyBytes += passing.length;
      if (passing.length < bytes.length) this.#client.write(passing, () => this.reset());
      else this.#client.write(passing);
    } else if (fault.type === "garbage") {
      this.#lossy = true;
      this.#client.write(GARBAGE);
    } else if (fault.type === "lose-reply") {
      this.#lossy = true;
      if (fault.by === "reset") this.reset();
      else if (fault.by === "end") this.#client.end(() => this.#upstream.destroy());
      else this.#fault = { type: "silence" };
    }
  }
}

function sparedBy(fault: Fault): number {
  return fault.type === "lose-reply" ? (fault.spared ?? 0) : 0;
}

/** Hands on chunks in their order, each after its delay, and the end after the last of them. */
class DelayLine {
  readonly #to: Socket;
  readonly #waiting: { readonly chunk: Buffer | "end"; readonly due: number }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(to: Socket) {
    this.#to = to;
  }

  push(chunk: Buffer | "end", milliseconds: number): void {
    if (milliseconds === 0 && this.#waiting.length === 0) {
      this.#handOn(chunk);
      return;
    }
    this.#waiting.push({ chunk, due: performance.now() + milliseconds });
    this.#timer ??= setTimeout(() => this.#wake(), milliseconds);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #handOn(chunk: Buffer | "end"): void {
    if (chunk === "end") this.#to.end();
    else this.#to.write(chunk);
  }

  #wake(): void {
    const now = performance.now();
    this.#timer = undefined;
    while (this.#waiting[0] && this.#waiting[0].due <= now) {
      const first = this.#waiting.shift();
      if (first) this.#handOn(first.chunk);
    }
    const next = this.#waiting[0];
    if (next) this.#timer = setTimeout(() => this.#wake(), Math.max(1, next.due - now));
  }
}
