// What the tests of the RocksDB store share: folders that go away, other processes, and looks past the store.
import { childrenIn, folderMaker } from "@kv/test-servers";
import * as vitest from "vitest";

export const newFolder = folderMaker(vitest);

export const { childArguments, startChild } = childrenIn(new URL("children/", import.meta.url));
