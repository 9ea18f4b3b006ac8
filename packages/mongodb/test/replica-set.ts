// Stands between a store and a single server, and tells that this is the only member of a replica set: its primary, or not.

import { type Link, Relay } from "@kv/test-servers";
import { BSON, type Document } from "mongodb";

const HEADER = 16;
const OP_REPLY = 1;
const OP_MSG = 2013;

export class ReplicaSet extends Relay {
  isPrimary = true;

  static start(target: number): Promise<ReplicaSet> {
    return new ReplicaSet(target).listen();
  }

  get url(): string {
    return `mongodb://${this.#name}/?replicaSet=one`;
  }

  get #name(): string {
    return `127.0.0.1:${this.port}`;
  }

  protected override pass({ near, far }: Link): void {
    let bytes = Buffer.alloc(0);
    near.on("data", (request) => far.write(request));
    far.on("data", (part) => {
      bytes = Buffer.concat([bytes, part]);
      while (bytes.length >= 4 && bytes.length >= bytes.readInt32LE()) {
        near.write(this.#rewritten(bytes.subarray(0, bytes.readInt32LE())));
        bytes = bytes.subarray(bytes.readInt32LE());
      }
    });
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
