// As much of Redis' protocol as it takes to ask a server something, without a client library.

import { connect as connectPlain } from "node:net";
import { connect as connectTls } from "node:tls";

/** An error reply is a value here: for who asks whether a server is up, it is an answer. */
export type Reply = string | number | null | Error | Reply[];

/**
 * Sends commands to a server at 127.0.0.1 by one connection and gives their replies in order.
 * Rejects if nobody answers within two seconds, or not in this protocol.
 */
export function exchange(
  { port, ca }: { readonly port: number; readonly ca?: string | undefined },
  commands: readonly (readonly string[])[],
): Promise<Reply[]> {
  return new Promise((resolve, reject) => {
    const socket = ca === undefined ? connectPlain(port, "127.0.0.1") : connectTls({ port, host: "127.0.0.1", ca });
    const timer = setTimeout(() => socket.destroy(new Error("no answer within two seconds")), 2_000);
    let received = Buffer.alloc(0);
    socket.on("data", (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      try {
        const replies = parseMany(received, 0, commands.length)?.value;
        if (replies === undefined) return;
        resolve(replies);
        socket.destroy();
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on("error", reject);
    socket.on("close", () => {
      clearTimeout(timer);
      reject(new Error("the connection was closed")); // Without effect where there was a result.
    });
    socket.write(commands.map(encode).join(""));
  });
}

function encode(command: readonly string[]): string {
  const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
  return `*${parts.length}\r\n${parts.join("")}`;
}

/** A value and where the next one begins; `undefined` where the bytes end before it does. */
type Parsed<Value> = { readonly value: Value; readonly next: number } | undefined;

function parse(bytes: Buffer, start: number): Parsed<Reply> {
  const end = bytes.indexOf("\r\n", start);
  if (end === -1) return undefined;
  const line = bytes.toString("utf8", start + 1, end);
  const next = end + 2;
  switch (bytes.toString("latin1", start, start + 1)) {
    case "+":
      return { value: line, next };
    case "-":
      return { value: new Error(line), next };
    case ":":
      return { value: Number(line), next };
    case "$": {
      if (line === "-1") return { value: null, next };
      const stop = next + Number(line);
      return bytes.length < stop + 2 ? undefined : { value: bytes.toString("utf8", next, stop), next: stop + 2 };
    }
    case "*":
      return line === "-1" ? { value: null, next } : parseMany(bytes, next, Number(line));
    default:
      throw new Error("this is not Redis' protocol");
  }
}

function parseMany(bytes: Buffer, start: number, count: number): Parsed<Reply[]> {
  const value: Reply[] = [];
  let next = start;
  while (value.length < count) {
    const one = parse(bytes, next);
    if (one === undefined) return undefined;
    value.push(one.value);
    next = one.next;
  }
  return { value, next };
}
