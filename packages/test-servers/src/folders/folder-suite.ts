// The folder of a store: who may read it, how it is named, who shares it, and what is refused.
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import {
  IncompatibleFormatError,
  InvalidArgumentError,
  openStore,
  StoreClosedError,
  ValueTooLargeError,
} from "@kv/core";
import { rejection } from "../promises.ts";
import { type FolderSuiteOptions, type FromUrl, type Runner, startFolderChild } from "./options.ts";

export interface FolderRules extends FolderSuiteOptions {
  readonly fromUrl: FromUrl;
  /** The path that such a store has. */
  pathOf(driver: object): string;
  /** In bytes, with all that is stored beside the value: less than a thousand. */
  readonly largestRecord: number;
  /** All the parameters that a URL may have. */
  readonly parameters: string;
  /** Makes the folder, with something in it that cannot be opened; what is returned takes that away. */
  spoil(path: string): () => void;
  /** A file that is in the folder of each store. */
  readonly file: string;
}

/** Registers the tests. */
export function folderSuite(runner: Runner, options: FolderRules): void {
  permissions(runner, options);
  refusals(runner, options);
  sharing(runner, options);
  urls(runner, options);
}

function permissions({ describe, test, expect }: Runner, options: FolderRules): void {
  const { newFolder, open } = options;

  describe("permissions", () => {
    test("of a folder that is there stay as they are", async () => {
      const path = newFolder();
      mkdirSync(path);
      chmodSync(path, 0o750);
      const store = open({ path });
      await store.put("a", 1);
      await store.close();
      expect((statSync(path).mode & 0o777).toString(8)).toBe("750");
    });

    test("a folder that may not be written to is told", async () => {
      const path = newFolder();
      mkdirSync(path);
      chmodSync(dirname(path), 0o755);
      chmodSync(path, 0o555);
      for (const place of [path, join(path, "inside")]) {
        const child = startFolderChild(options, "attempt.ts", place, "nobody");
        expect(await child.ended).toBe(0);
        expect(child.output()).toBe("ACCESS_DENIED undefined\nACCESS_DENIED not-applied\n");
      }
    });
  });
}

function refusals({ describe, test, expect }: Runner, { newFolder, open, spoil, largestRecord }: FolderRules): void {
  describe("what is refused", () => {
    test("a path that is no folder", async () => {
      const path = newFolder();
      writeFileSync(path, "a file");
      for (const place of [path, join(path, "inside")]) {
        const store = open({ path: place });
        await expect(store.put("a", 1)).rejects.toBeInstanceOf(InvalidArgumentError);
        await store.close();
      }
    });

    test("a folder that cannot be opened, until the cause is gone", async () => {
      const path = newFolder();
      const mend = spoil(path);
      const store = open({ path });
      await expect(store.get("a")).rejects.toBeInstanceOf(IncompatibleFormatError);
      mend();
      await store.put("a", 1);
      expect(await store.get("a")).toBe(1);
      await store.close();
    });

    test("a record over the limit, before anything is written", async () => {
      const store = open({ path: newFolder() });
      const error = await rejection(store.put("a", "x".repeat(largestRecord)));
      expect(error).toBeInstanceOf(ValueTooLargeError);
      const largest = "ü".repeat(largestRecord / 2 - 1000);
      await store.put("a", largest);
      expect((await store.get("a")) === largest).toBe(true);
      await store.close();
    });
  });
}

function sharing({ describe, test, expect }: Runner, { newFolder, open }: FolderRules): void {
  describe("stores of one process", () => {
    test("share a folder, and closing one leaves the others", async () => {
      const path = newFolder();
      const [one, two] = [open({ path }), open({ path: `${path}/../store/` })];
      await Promise.all([one.put("a", 1), two.put("b", 2)]);
      expect(await Promise.all([one.get("b"), two.get("a")])).toEqual([2, 1]);
      await one.close();
      await expect(one.get("a")).rejects.toBeInstanceOf(StoreClosedError);
      await two.put("a", 3);
      expect(await two.get("a")).toBe(3);
      // The one that is opened while the other closes waits for that.
      const three = open({ path });
      const [, value] = await Promise.all([two.close(), three.get("a")]);
      expect(value).toBe(3);
      await three.close();
    });

    test("close without having opened", async () => {
      const path = newFolder();
      await open({ path }).close();
      expect(existsSync(path)).toBe(false);
    });
  });
}

function urls({ describe, test, expect }: Runner, options: FolderRules): void {
  const { scheme, fromUrl, pathOf, parameters, newFolder, file } = options;

  describe("by URL", () => {
    test("relative and absolute paths, percent-encoded", () => {
      const path = (url: string): string => relative(process.cwd(), pathOf(fromUrl(url).driver));
      expect(path(`${scheme}:./folder`)).toBe("folder");
      expect(path(`${scheme}:folder/a%20b%3F`)).toBe("folder/a b?");
      expect(path(`${scheme.toUpperCase()}:../x`)).toBe("../x");
      const root = relative(process.cwd(), "/");
      expect(path(`${scheme}:/abs/x`)).toBe(`${root}/abs/x`);
      expect(path(`${scheme}:///abs/x%25?${parameters}`)).toBe(`${root}/abs/x%`);
    });

    test.each([
      ...[
        "",
        "?sync=false",
        "//host/path",
        "//",
        "////x",
        "./a#b",
        "./a?sync=yes",
        "./a?size=3",
        "./%zz",
        "./a%00b",
      ].map((rest) => `${scheme}:${rest}`),
      "memory:",
    ])("refuses %s", (url) => {
      expect(() => fromUrl(url)).toThrow(InvalidArgumentError);
    });

    test("openStore finds it", async () => {
      const path = newFolder();
      const store = await openStore(`${scheme}:${path}`, { needs: ["atomic", "enumerate", "clear", "durable"] });
      expect(await store.increment("a")).toBe(1);
      await store.close();
      expect(existsSync(join(path, file))).toBe(true);
    });
  });
}
