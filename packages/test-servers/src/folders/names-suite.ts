// Names of any length, which a folder's format shortens.
import { listed } from "../promises.ts";
import type { FolderSuiteOptions, Runner } from "./options.ts";

/** Registers the test. */
export function longNamesSuite({ test, expect }: Runner, { newFolder, open }: FolderSuiteOptions): void {
  const keys = ["", "a", "b"].flatMap((end) => [
    `${"k".repeat(1950)}${end}`,
    `${"k".repeat(4000)}${end}`,
    `short${end}`,
  ]);

  test("long names are records of their own, and listed by prefixes of any length", async () => {
    const path = newFolder();
    const first = open({ path });
    const names = ["c", "c".repeat(2000), `${"c".repeat(2000)}d`];
    for (const name of names) await first.collection(name).putMany(keys.map((key) => ({ key, value: [name, key] })));
    await first.close();
    const store = open({ path });
    for (const name of names) {
      const collection = store.collection(name);
      expect(await collection.getMany(keys)).toEqual(keys.map((key) => [name, key]));
      for (const prefix of ["", "short", "k", "k".repeat(1950), "k".repeat(1960), `${"k".repeat(4000)}b`]) {
        const expected = keys.filter((key) => key.startsWith(prefix)).sort();
        expect((await listed(collection.keys({ prefix }))).sort()).toEqual(expected);
      }
    }
    expect((await listed(store.collections())).sort()).toEqual([...names].sort());
    expect(await listed(store.collections({ prefix: "c".repeat(1999) }))).toHaveLength(2);
    await store.collection("c".repeat(2000)).clear();
    expect((await listed(store.collections())).sort()).toEqual(["c", `${"c".repeat(2000)}d`]);
    await store.close();
  });
}
