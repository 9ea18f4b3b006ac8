// What several test files need beside the store: looks at the server, and at what passes on its way there.

import { connect } from "node:net";
import { type Link, Relay } from "@kv/test-servers";
import { Client } from "memjs";
import { OPCODES } from "../src/protocol.ts";

/** A request as it passed: its command, and the parts of it that tests look at. */
export interface Seen {
  readonly command: string;
  readonly key: string;
  readonly expiration: number | undefined;
}

/** A TCP proxy that passes everything on, and notes the requests of memcached's binary protocol. */
export class Tap extends Relay {
  /** What has passed since this was last emptied. */
  readonly seen: Seen[] = [];
  /** How often a client has spoken first, or after an answer. */
  exchanges = 0;
  /** How many connections there were. */
  connections = 0;

  static start(target: number): Promise<Tap> {
    return new Tap(target).listen();
  }

  /** How many of each command have passed since this was last asked, and in how many exchanges. */
  take(): { readonly exchanges: number; readonly commands: Record<string, number> } {
    const commands: Record<string, number> = {};
    for (const { command } of this.seen.splice(0)) commands[command] = (commands[command] ?? 0) + 1;
    const { exchanges } = this;
    this.exchanges = 0;
    return { exchanges, commands };
  }

  protected override pass({ near, far }: Link): void {
    this.connections++;
    let rest: Buffer = Buffer.alloc(0);
    let answered = true;
    near.on("data", (bytes) => {
      if (answered) this.exchanges++;
      answered = false;
      rest = this.#note(Buffer.concat([rest, bytes]));
      far.write(bytes);
    });
    far.on("data", (bytes) => {
      answered = true;
      near.write(bytes);
    });
  }

  #note(bytes: Buffer): Buffer {
    let at = 0;
    while (bytes.length - at >= 24) {
      const [keyLength, extras, body] = [
        bytes.readUInt16BE(at + 2),
        bytes.readUInt8(at + 4),
        bytes.readUInt32BE(at + 8),
      ];
      if (bytes.length - at < 24 + body) break;
      const opcode = bytes.readUInt8(at + 1);
      this.seen.push({
        command: Object.entries(OPCODES).find(([, code]) => code === opcode)?.[0] ?? `0x${opcode.toString(16)}`,
        key: bytes.toString("utf8", at + 24 + extras, at + 24 + extras + keyLength),
        expiration: extras === 8 ? bytes.readUInt32BE(at + 28) : undefined,
      });
      at += 24 + body;
    }
    return bytes.subarray(at);
  }
}

/** memjs as it comes: what another program sees that knows nothing of records. */
export function clientOf(port: number): Client {
  return Client.create(`127.0.0.1:${port}`, { retries: 1, timeout: 30, logger: { log() {} } });
}

/** The answer to a command of the text protocol, on a connection of its own. */
export async function ask(port: number, command: string | Buffer): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(command);
  socket.write("\r\nquit\r\n");
  return Buffer.concat(await socket.toArray()).toString();
}

/** The text that lies under a key. */
export async function textOf(client: Client, key: string): Promise<string | undefined> {
  const { value } = await client.get(key);
  return value?.toString();
}

/** How many seconds the server still keeps what lies under a key: -1 for ever; `undefined` where nothing does. */
export async function secondsLeft(port: number, key: string): Promise<number | undefined> {
  const seconds = /^HD t(-?\d+)/.exec(await ask(port, `mg ${key} t`))?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}
