/** The fault proxy: what each fault does to a connection, and that nothing of it is left over. */
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Fault, FaultProxy } from "../../src/conformance/fault-proxy.ts";

/** Answers each line by itself in angle brackets, and remembers it; after "last", it ends the connection. */
const heard: string[] = [];
const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.on("data", (bytes) => {
    heard.push(bytes.toString().trim());
    socket.write(`<${bytes.toString().trim()}>`);
    if (bytes.toString() === "last\n") socket.end();
  });
});
let proxy: FaultProxy;
const clients: Socket[] = [];

beforeEach(async () => {
  heard.length = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server is not listening");
  proxy = await FaultProxy.start({ host: "127.0.0.1", port: address.port });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.close();
  // Resolves only when no connection is open any more.
  await new Promise((resolve) => server.close(resolve));
});

/** A connection through the proxy, and all that happens to it. */
class Client {
  received = "";
  end: string | undefined;
  readonly socket = connect(proxy.address);
  #wake: () => void = () => {};

  constructor() {
    clients.push(this.socket);
    this.socket.on("data", (bytes) => this.#happened(() => (this.received += bytes.toString("latin1"))));
    this.socket.on("end", () => this.#happened(() => (this.end ??= "ended")));
    this.socket.on("error", (error) => this.#happened(() => (this.end ??= String(Reflect.get(error, "code")))));
  }
  /** Resolves when this is so. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
  async ask(text: string): Promise<string> {
    this.received = "";
    this.socket.write(`${text}\n`);
    await this.until(() => this.received.includes(">") || this.end !== undefined);
    return this.end ?? this.received;
  }
  #happened(what: () => unknown): void {
    what();
    this.#wake();
  }
}

it("passes everything on while there is no fault", async () => {
  const client = new Client();
  expect(await client.ask("one")).toBe("<one>");
  expect(await client.ask("two")).toBe("<two>");
  expect([proxy.connections, proxy.open]).toEqual([1, 1]);
});

it("tells when no connection is open any more, or that some still are", async () => {
  const client = new Client();
  await client.ask("one");
  expect(await proxy.idle(20)).toBe(false);
  client.socket.end();
  expect(await proxy.idle(10_000)).toBe(true);
});

it("refuses: what was connected is reset, nobody listens; healed, it listens at the same address", async () => {
  const before = proxy.address;
  const client = new Client();
  await client.ask("one");
  await proxy.inject({ type: "refuse" });
  await client.until(() => client.end !== undefined);
  expect(client.end).toBe("ECONNRESET");
  expect(await new Client().ask("two")).toBe("ECONNREFUSED");
  await proxy.heal();
  expect(proxy.address).toEqual(before);
  expect(await new Client().ask("three")).toBe("<three>");
  expect(heard).toEqual(["one", "three"]);
});

it("resets: connections are accepted, and reset at once", async () => {
  await proxy.inject({ type: "reset" });
  expect(["ECONNRESET", "EPIPE"]).toContain(await new Client().ask("one"));
  expect(proxy.connections).toBe(1);
  expect(heard).toEqual([]);
});

it("drops what is open, and lets new connections pass", async () => {
  const client = new Client();
  await client.ask("one");
  proxy.drop();
  await client.until(() => client.end !== undefined);
  expect(await new Client().ask("two")).toBe("<two>");
});

it("is silent: forwards nothing; what has lost bytes is reset when it heals", async () => {
  const idle = new Client();
  const client = new Client();
  await Promise.all([idle.ask("idle"), client.ask("one")]);
  await proxy.inject({ type: "silence" });
  const asked = client.ask("two");
  // Accepted after the bytes of the other connection have come: the probe's own come later.
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(client.received).toBe("");
  await proxy.heal();
  expect(await asked).toBe("ECONNRESET");
  expect(await idle.ask("three")).toBe("<three>");
  expect(heard.sort()).toEqual(["idle", "one", "three"]);
});

it("delays each way, in order", async () => {
  const client = new Client();
  await client.ask("zero");
  await proxy.inject({ type: "delay", milliseconds: 30 });
  const began = performance.now();
  expect(await client.ask("one")).toBe("<one>");
  expect(performance.now() - began).toBeGreaterThan(58);
  client.received = "";
  client.socket.write("two\n");
  await client.until(() => client.received.includes(">"));
  await proxy.heal();
  expect(await client.ask("three")).toBe("<three>");
});

it("delays the end of a connection as well, so that it comes after the last reply", async () => {
  const client = new Client();
  await client.ask("zero");
  await proxy.inject({ type: "delay", milliseconds: 30 });
  expect(await client.ask("last")).toBe("<last>");
  await client.until(() => client.end !== undefined);
  expect(client.end).toBe("ended");
});

it("cuts a reply after some bytes", async () => {
  const client = new Client();
  await client.ask("one");
  await proxy.inject({ type: "cut", bytes: 3 });
  client.received = "";
  client.socket.write("two\n");
  await client.until(() => client.end !== undefined);
  expect([client.received, client.end]).toEqual(["<tw", "ended"]);
});

it.each([
  ["reset", "ECONNRESET"],
  ["end", "ended"],
] as const)("loses a reply that the server has given, then by %s", async (by, end) => {
  const client = new Client();
  await client.ask("one");
  await proxy.inject({ type: "lose-reply", by }, "existing");
  expect(await client.ask("two")).toBe(end);
  expect(client.received).toBe("");
  expect(heard).toEqual(["one", "two"]);
  expect(await new Client().ask("three")).toBe("<three>");
});

it("spares the replies that it is told to", async () => {
  const client = new Client();
  await client.ask("one");
  await proxy.inject({ type: "lose-reply", by: "reset", spared: 1 });
  expect(await client.ask("two")).toBe("<two>");
  expect(await client.ask("three")).toBe("ECONNRESET");
});

it("answers garbage in the server's place", async () => {
  const client = new Client();
  await client.ask("one");
  await proxy.inject({ type: "garbage" });
  client.received = "";
  client.socket.write("two\n");
  await client.until(() => client.received !== "");
  expect(client.received).toContain("garbage");
  expect(client.received).not.toContain("two");
});

it("leaves no connection when it is closed, whatever the fault", async () => {
  const faults: readonly Fault[] = [{ type: "silence" }, { type: "delay", milliseconds: 1000 }, { type: "garbage" }];
  for (const fault of faults) {
    const client = new Client();
    await client.ask("one");
    await proxy.inject(fault);
    client.socket.write("two\n");
    await proxy.close();
    await client.until(() => client.end !== undefined);
    expect(proxy.open).toBe(0);
    await proxy.heal();
  }
});
