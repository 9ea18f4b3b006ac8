/** How many commands a server has been given: asked of the server itself. */
import { connect } from "node:net";
import { Redis } from "ioredis-6";

/** So many calls of each command since the server began. */
export type Commands = ReadonlyMap<string, number>;

export interface CommandCounter extends AsyncDisposable {
  count(): Promise<Commands>;
}

/** Of Redis or Valkey. */
export function redisCommands(port: number): CommandCounter {
  const client = new Redis(port);
  client.on("error", () => {});
  return {
    async count() {
      const lines = (await client.info("commandstats")).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
      return new Map([...lines].map(([, name = "", calls]) => [name.replace("|", " ").toUpperCase(), Number(calls)]));
    },
    [Symbol.asyncDispose]: async () => client.disconnect(),
  };
}

/** What memcached counts by key: a request for many keys counts for each of them. */
const MEMCACHED = /^STAT ((?:cmd_|delete_|incr_|decr_|cas_|touch_|get_).*) (\d+)\r$/gm;

export function memcachedCommands(port: number): CommandCounter {
  return {
    async count() {
      const text = await new Promise<string>((resolve, reject) => {
        let answer = "";
        const socket = connect(port, "127.0.0.1", () => socket.write("stats\r\n"));
        socket.setEncoding("utf8").on("error", reject);
        socket.on("data", (part: string) => {
          answer += part;
          if (!answer.endsWith("END\r\n")) return;
          socket.destroy();
          resolve(answer);
        });
      });
      const counts = new Map<string, number>();
      for (const [, stat = "", number] of text.matchAll(MEMCACHED)) {
        // A get is a hit or a miss as well.
        if (stat.startsWith("get_")) continue;
        const name = stat.replace(/^cmd_|_hits$|_misses$|_badval$/g, "").toUpperCase();
        counts.set(name, (counts.get(name) ?? 0) + Number(number));
      }
      return counts;
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** What one of `operations` took, as people read it: `1 GET`, `100 SET`. */
export function differenceOf(before: Commands, after: Commands, operations: number): string {
  const parts: string[] = [];
  for (const [name, count] of after) {
    const more = (count - (before.get(name) ?? 0)) / operations;
    if (more > 0 && name !== "INFO") parts.push(`${Number(more.toFixed(1))} ${name}`);
  }
  return parts.join(", ") || "none";
}
