// What the drivers of Redis-like servers share and no server is needed for: the layout of a cluster, and URLs.

import { layoutOf, parseServerUrl } from "@kv/core/driver";
import { describe, expect, it } from "vitest";

/** A line of CLUSTER NODES. */
function line(id: string, flags: string, epoch: number, ...slots: string[]): string {
  return [id, "127.0.0.1:1@2", flags, "-", "0", "0", epoch, "connected", ...slots].join(" ");
}

function views(...texts: string[][]) {
  return new Map(texts.map((lines, at) => [`server-${at}`, { nodes: `${lines.join("\n")}\n` }]));
}

describe("the layout of a cluster", () => {
  const first = [line("a", "myself,master", 1, "0-8191"), line("b", "master", 2, "8192-16383"), line("c", "slave", 2)];
  const second = [line("a", "master", 1, "0-8191"), line("b", "myself,master", 2, "8192-16383"), line("c", "slave", 2)];

  it("is its masters, and the same as long as nothing moves", () => {
    const layout = layoutOf(views(first, second));
    expect(layout).toMatchObject({ servers: ["server-0", "server-1"], moving: false });
    expect(layoutOf(views(first, second)).version).toBe(layout.version);
  });

  it("is another one after a move, a failover, a restart", () => {
    const { version } = layoutOf(views(first, second));
    const moved = [line("a", "myself,master", 3, "0-8192"), line("b", "master", 2, "8193-16383")];
    const giving = [line("a", "master", 3, "0-8192"), line("b", "myself,master", 2, "8193-16383")];
    const replaced = [
      line("a", "master", 1, "0-8191"),
      line("c", "myself,master", 3, "8192-16383"),
      line("b", "slave", 3),
    ];
    const restarted = new Map([...views(first, second)].map(([server, view]) => [server, { ...view, run: "2" }]));
    for (const other of [views(moved, giving), views(first, replaced), restarted]) {
      expect(layoutOf(other).version).not.toBe(version);
    }
  });

  it("counts the younger of two claims, and asks for nobody who has lost his", () => {
    // b is dead, c has taken over, and only c knows so far.
    const replaced = [
      line("a", "master", 1, "0-8191"),
      line("c", "myself,master", 3, "8192-16383"),
      line("b", "slave,fail", 3),
    ];
    expect(layoutOf(views(first, replaced)).servers).toEqual(["server-0", "server-1"]);
    // The old one is back, and does not know yet.
    const late = second;
    expect(layoutOf(views(first, replaced, late)).servers).toEqual(["server-0", "server-1"]);
    expect(() =>
      layoutOf(views(first, late, [line("a", "master", 1, "0-8191"), line("c", "master", 3, "8192-16383")])),
    ).toThrow(/cannot be reached/);
  });

  it("is none where a slot is not served, or not all could be asked", () => {
    const unserved = [line("a", "myself,master", 1, "0-8191"), line("b", "master", 2, "8193-16383")];
    expect(() => layoutOf(views(unserved, [line("b", "myself,master", 2, "8193-16383")]))).toThrow(/not served/);
    expect(() => layoutOf(views(first))).toThrow(/cannot be reached/);
    expect(() => layoutOf(new Map())).toThrow(expect.objectContaining({ code: "UNAVAILABLE", retryable: true }));
  });

  it("is moving while a slot is on its way, and includes where it goes", () => {
    const giving = [
      line("a", "myself,master", 1, "0-8191", "[7->-d]"),
      line("b", "master", 2, "8192-16383"),
      line("d", "master", 0),
    ];
    const taking = [
      line("a", "master", 1, "0-8191"),
      line("b", "master", 2, "8192-16383"),
      line("d", "myself,master", 0, "[7-<-a]"),
    ];
    expect(layoutOf(views(giving, second, taking))).toMatchObject({
      servers: ["server-0", "server-1", "server-2"],
      moving: true,
    });
    expect(() => layoutOf(views(giving, second))).toThrow(/cannot be reached/);
  });
});

describe("the URL of a Redis-like server", () => {
  it.each([
    ["redis://h", { kind: "single", tls: false, addresses: [{ host: "h" }] }],
    ["REDISS://h:1/2", { kind: "single", tls: true, addresses: [{ host: "h", port: 1 }], db: 2 }],
    ["redis://", { kind: "single", tls: false, addresses: [{ host: "localhost" }] }],
    ["redis://[::1]:1", { kind: "single", tls: false, addresses: [{ host: "::1", port: 1 }] }],
    ["redis://u:p%40:w@h", { kind: "single", tls: false, addresses: [{ host: "h" }], username: "u", password: "p@:w" }],
    ["redis://:p@w@h/", { kind: "single", tls: false, addresses: [{ host: "h" }], password: "p@w" }],
    ["redis+cluster://a:1,b", { kind: "cluster", tls: false, addresses: [{ host: "a", port: 1 }, { host: "b" }] }],
    [
      "rediss+sentinel://a,[::2]:3/my%20name/4",
      { kind: "sentinel", tls: true, addresses: [{ host: "a" }, { host: "::2", port: 3 }], master: "my name", db: 4 },
    ],
  ])("is read: %s", (url, expected) => {
    expect(parseServerUrl(url, "redis", "Redis")).toEqual(expected);
  });

  it.each([
    "h:1",
    "valkey://h",
    "redis+other://h",
    "redis://a,b",
    "redis://h:0",
    "redis://h:70000",
    "redis://h/x",
    "redis://h/1/2",
    "redis://h?db=1",
    "redis://h#1",
    "redis://u:%zz@h",
    "redis+sentinel://h",
    "redis+sentinel://h/a/b/1",
  ])("is refused: %s", (url) => {
    expect(() => parseServerUrl(url, "redis", "Redis")).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  it("has Sentinel with Redis only", () => {
    expect(() => parseServerUrl("valkey+sentinel://h/a", "valkey", "Valkey")).toThrow(/cannot be read/);
    expect(parseServerUrl("valkeys+cluster://h", "valkey", "Valkey")).toMatchObject({ kind: "cluster", tls: true });
  });
});
