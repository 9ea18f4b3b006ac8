/** A complete driver for {@link LineServer}: one connection, requests by number, nothing sent twice. */
import { connect, type Socket } from "node:net";
import type { Address } from "../../src/conformance/property.ts";
import type {
  Call,
  Cursor,
  Driver,
  Listed,
  Page,
  RecordId,
  Scope,
  StoredRecord,
  SwapResult,
} from "../../src/driver/index.ts";
import { type KeyValueError, type Revision, StoreUnavailableError } from "../../src/index.ts";
import type { LineRequest } from "./line-server.ts";

interface Waiting {
  readonly socket: Socket;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: KeyValueError) => void;
}

export class LineDriver implements Driver {
  readonly name = "line";
  readonly capabilities = Object.freeze({ write: true, atomic: true, enumerate: true, clear: true, durable: true });
  protected readonly address: Address;
  protected socket: Socket | undefined;
  readonly #waiting = new Map<number, Waiting>();
  readonly #watched = new WeakSet<Call>();
  #count = 0;
  /** Of chunks that came: a connection on which nothing comes while a call runs into its deadline is dead. */
  #heard = 0;

  constructor(address: Address) {
    this.address = address;
  }

  get ready(): boolean {
    return this.socket !== undefined && !this.socket.destroyed;
  }

  open(call: Call): Promise<void> {
    const socket = connect({ ...this.address, noDelay: true }).setEncoding("utf8");
    return new Promise((resolve, reject) => {
      const give = (cause: unknown): void => {
        socket.destroy();
        reject(new StoreUnavailableError("cannot connect", { cause }));
      };
      socket.once("error", give);
      call.signal.addEventListener("abort", () => give(call.signal.reason), { once: true });
      socket.once("connect", () => {
        this.#use(socket);
        resolve();
      });
    });
  }

  close(): void {
    this.socket?.destroy();
  }

  ping(call: Call): Promise<void> {
    return this.ask<undefined>("ping", [], call);
  }

  get(id: RecordId, call: Call): Promise<StoredRecord | undefined> {
    return this.ask<StoredRecord | undefined>("get", [id], call);
  }

  put(id: RecordId, record: StoredRecord, call: Call): Promise<void> {
    return this.ask<undefined>("put", [id, record], call);
  }

  delete(id: RecordId, call: Call): Promise<boolean> {
    return this.ask<boolean>("delete", [id], call);
  }

  swap(id: RecordId, expected: Revision | "absent", next: StoredRecord | undefined, call: Call): Promise<SwapResult> {
    return this.ask<SwapResult>("swap", [id, expected, next ?? null], call);
  }

  list(
    scope: Scope,
    options: { readonly values: boolean; readonly cursor: Cursor | undefined },
    call: Call,
  ): Promise<Page<Listed>> {
    return this.ask<Page<Listed>>("list", [scope, options], call);
  }

  collections(prefix: string, cursor: Cursor | undefined, call: Call): Promise<Page<string>> {
    return this.ask<Page<string>>("collections", [prefix, cursor], call);
  }

  clear(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    return this.ask<Cursor | undefined>("clear", [scope, cursor], call);
  }

  cull(scope: Scope, cursor: Cursor | undefined, call: Call): Promise<Cursor | undefined> {
    return this.ask<Cursor | undefined>("cull", [scope, cursor], call);
  }

  protected async ask<T>(method: LineRequest["method"], parameters: readonly unknown[], call: Call): Promise<T> {
    const { socket } = this;
    if (!socket || socket.destroyed) throw new StoreUnavailableError("not connected", { outcome: "not-applied" });
    const id = ++this.#count;
    const heard = this.#heard;
    if (!this.#watched.has(call)) {
      this.#watched.add(call);
      call.signal.addEventListener("abort", () => {
        if (this.#heard === heard) socket.destroy();
      });
    }
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { socket, resolve, reject }));
    const request: LineRequest = { id, method, parameters };
    socket.write(`${JSON.stringify(request)}\n`);
    // The server answers with what the method of the same name gives.
    return (await answer) as T;
  }

  #use(socket: Socket): void {
    let rest = "";
    this.socket = socket;
    socket.on("data", (text: string) => {
      this.#heard++;
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      try {
        for (const line of lines) this.#settle(JSON.parse(line));
      } catch {
        socket.destroy();
      }
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      if (this.socket === socket) this.socket = undefined;
      for (const [id, waiting] of this.#waiting) {
        if (waiting.socket !== socket) continue;
        this.#waiting.delete(id);
        waiting.reject(new StoreUnavailableError("the connection broke"));
      }
    });
  }

  #settle({ id, result }: { readonly id: number; readonly result: unknown }): void {
    this.#waiting.get(id)?.resolve(result);
    this.#waiting.delete(id);
  }
}
