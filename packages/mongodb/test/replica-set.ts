// Stands between a store and a single server, and tells that this is the only member of a replica set: its primary, or not.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server as NetServer, type Socket } from "node:net";
import { BSON, type Document } from "mongodb";

const HEADER = 16;
const OP_REPLY = 1;
const OP_MSG = 2013;

export class ReplicaSet {
  isPrimary = true;
  readonly url: string;
  readonly #name: string;
  readonly #listener: NetServer;
  readonly #sockets = new Set<Socket>();

  private constructor(listener: NetServer, target: number) {
    this.#listener = listener;
    this.#name = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
    this.url = `mongodb://${this.#name}/?replicaSet=one`;
    listener.on("connection", (near) => {
      const far = connect(target, "127.0.0.1");
      let bytes = Buffer.alloc(0);
      near.on("data", (request) => far.write(request));
      far.on("data", (part) => {
        bytes = Buffer.concat([bytes, part]);
        while (bytes.length >= 4 && bytes.length >= bytes.readInt32LE()) {
          near.write(this.#rewritten(bytes.subarray(0, bytes.readInt32LE())));
          bytes = bytes.subarray(bytes.readInt32LE());
        }
      });
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
      }
    });
  }

  static async start(target: number): Promise<ReplicaSet> {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    return new ReplicaSet(listener, target);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#listener.close();
  }

  /** A reply, in which the server tells what it is, with what it is to be instead. */
  #rewritten(message: Buffer): Buffer {
    const kind = message.readInt32LE(12);
    const start = kind === OP_REPLY ? HEADER + 20 : HEADER + 5;
    if (kind !== OP_REPLY && kind !== OP_MSG) return message;
    const document: Document = BSON.deserialize(message.subarray(start, start + message.readInt32LE(start)));
    if (!("maxWireVersion" in document)) return message;
    const { topologyVersion: _, ...rest } = document;
    const told = BSON.serialize({
      ...rest,
      setName: "one",
      setVersion: 1,
      hosts: [this.#name],
      me: this.#name,
      isWritablePrimary: this.isPrimary,
      ismaster: this.isPrimary,
      secondary: !this.isPrimary,
    });
    const whole = Buffer.concat([message.subarray(0, start), told]);
    whole.writeInt32LE(whole.length, 0);
    return whole;
  }
}
