// What the tests of the disk store share: folders that go away, other processes, and looks past the store.
import { DiskDriver } from "@kv/disk";
import { childrenIn, folderMaker } from "@kv/test-servers";
import * as vitest from "vitest";

export const newFolder = folderMaker(vitest);

export const { childArguments, startChild } = childrenIn(new URL("children/", import.meta.url));

/** Counts what lies in the folder of an open store, expired or not: records, and rows in the index of expiries. */
export function countsOf(store: { readonly driver: unknown }): () => { records: number; rows: number } {
  const root = store.driver instanceof DiskDriver ? store.driver.database : undefined;
  if (!root) throw new Error("not an open disk store");
  const count = (name: string, useVersions: boolean) => {
    const database = root.openDB({ name, encoding: "binary", keyEncoding: "binary", useVersions });
    return () => {
      database.resetReadTxn();
      const { entryCount = -1 }: { entryCount?: number } = database.getStats();
      return entryCount;
    };
  };
  const records = count("records", true);
  const rows = count("expiry", false);
  return () => ({ records: records(), rows: rows() });
}
