// What is left in a folder of a process that was killed, and that none is kept from ending.
import { until } from "../children.ts";
import { type FolderSuiteOptions, type Runner, startFolderChild } from "./options.ts";

export interface KilledOptions extends FolderSuiteOptions {
  /** Looks at the folder, which is closed. */
  check?(path: string): void;
}

/** Registers the tests. */
export function killedSuite({ describe, test, expect }: Runner, options: KilledOptions): void {
  const { newFolder, open, check } = options;

  describe("a process that is killed", () => {
    test.each(["true", "false"])(
      "loses none of the writes that resolved (sync: %s)",
      async (sync) => {
        const path = newFolder();
        for (let round = 0; round < 5; round++) {
          const child = startFolderChild(options, "writer.ts", `${path}?sync=${sync}`, String(round));
          await until(() => child.output().includes("count"));
          // Any moment will do, each time another.
          await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 600));
          child.process.kill("SIGKILL");
          expect(await child.ended).toBe("SIGKILL");

          const lines = child.output().split("\n").slice(0, -1);
          const puts = lines.filter((line) => line.startsWith("put ")).map((line) => line.slice(4));
          const last = Number(lines.findLast((line) => line.startsWith("count "))?.slice(6));
          expect(puts.length).toBeGreaterThan(0);

          const store = open({ path });
          const values = await store.getMany(puts);
          expect(values.map((value) => (typeof value === "object" ? value?.["key" as never] : value))).toEqual(puts);
          expect(await store.get("counter")).toBeGreaterThanOrEqual(last);
          await store.put("still", "writable");
          await store.close();
          check?.(path);
        }
      },
      240_000,
    );
  });

  test.each(["close", "leave"])("a process exits by itself (%s)", async (how) => {
    const child = startFolderChild(options, "expiring.ts", newFolder(), how);
    expect(await child.ended).toBe(0);
    expect(child.output()).toBe("stored\n");
  });
}
