/**
 * First contact with a server, by a connection of our own that is closed again. glide says of any failure only that the
 * time is up, and goes on trying for ever in the background, even after it has failed: so it is let loose only where
 * somebody answers and lets this user in.
 */
import { connect as connectPlain } from "node:net";
import { connect as connectTls, rootCertificates } from "node:tls";
import type { KeyValueError } from "@kv/core";
import { codeOf, noConnection, refusal } from "@kv/core/driver";
import type { Settings } from "./options.ts";
import { ErrorReply } from "./replies.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The authorities that glide and we trust alike. */
export function authorities({ tls }: Settings): string {
  return typeof tls === "object" && tls.ca !== undefined ? tls.ca : rootCertificates.join("\n");
}

/**
 * The first of the servers to take work from this user.
 * @throws KeyValueError whose outcome is `"not-applied"`: what the first address had against it
 */
export async function probe(settings: Settings, signal: AbortSignal): Promise<Address> {
  const done = new AbortController();
  const either = AbortSignal.any([signal, done.signal]);
  const attempts = settings.addresses.map((address) => ask(address, settings, either).then(() => address));
  try {
    return await Promise.any(attempts);
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  } finally {
    done.abort();
  }
}

/** Logs in, chooses the database and says PING. */
function ask(address: Address, settings: Settings, signal: AbortSignal): Promise<void> {
  const { username, password, database, tls } = settings;
  const login = password === undefined ? [] : [["AUTH", ...(username === undefined ? [] : [username]), password]];
  const select = database === 0 ? [] : [["SELECT", `${database}`]];
  const commands = [...login, ...select, ["PING"]];
  return new Promise((resolve, reject) => {
    const socket = tls ? connectTls({ ...address, ca: authorities(settings) }) : connectPlain(address);
    let text = "";
    const leave = (): void => fail("there was none by the deadline");
    const settle = (error?: KeyValueError): void => {
      signal.removeEventListener("abort", leave);
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };
    const fail = (why: string, cause?: unknown): void => {
      settle(noConnection(`Valkey at ${address.host}:${address.port}`, cause, why));
    };
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
    socket.setEncoding("latin1");
    socket.on("error", (error) => fail(codeOf(error) || "the connection failed", error));
    socket.on("close", () => fail("the connection was closed"));
    socket.on("data", (chunk: string) => {
      text += chunk;
      const lines = text.split("\r\n").slice(0, -1);
      const refused = lines.find((line) => line.startsWith("-") && !line.startsWith("-NOPERM"))?.slice(1);
      if (lines.some((line) => !/^[+-]/.test(line)) || text.length > 10_000) fail("what answers there is no Valkey");
      else if (refused !== undefined) settle(refusal(refused, new ErrorReply(refused)));
      else if (lines.length === commands.length) settle();
    });
    socket.write(commands.map(encode).join(""));
  });
}

function encode(command: readonly string[]): string {
  const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
  return `*${parts.length}\r\n${parts.join("")}`;
}
