// Our wrappers and Python's around stores on one server, live and both ways.

import type { JsonValue } from "@kv/core";
import {
  compression,
  fernetEncryption,
  fernetKeyFromPassphrase,
  prefixCollections,
  prefixKeys,
  reencrypt,
  singleCollection,
} from "@kv/core/wrappers";
import { PythonNumber, PythonStore, pythonFor, serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { redisStore } from "../src/index.ts";
import { groupClient } from "./helpers.ts";

const { server, skipped: noServer } = await serverFor(vitest, "redis", { own: true });
const { python, skipped: noPython } = await pythonFor();
const skipped = noServer ?? noPython;

const IMPORTS = `
from cryptography.fernet import Fernet, MultiFernet
from key_value.aio.stores.redis import RedisStore
from key_value.aio.wrappers.compression import CompressionWrapper
from key_value.aio.wrappers.encryption.fernet import FernetEncryptionWrapper
from key_value.aio.wrappers.prefix_collections import PrefixCollectionsWrapper
from key_value.aio.wrappers.prefix_keys import PrefixKeysWrapper
from key_value.aio.wrappers.single_collection import SingleCollectionWrapper
`;

/** Python's store; `inner` in the expression is its RedisStore. */
const theirs = (expression: string) =>
  new PythonStore(python, {
    imports: IMPORTS,
    store: expression.replace("inner", "RedisStore(url=server)"),
    server: () => server.url,
  });

const NEW = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const OLD = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
const USERS = { collection: "users" };
const VALUE = {
  b: 1,
  a: 'é😀 \0 \u007f " \\ \u2028',
  nested: [1, { a: [null, true, 0.5], none: {}, empty: [] }],
  n: 2 ** 53 - 1,
  tiny: 5e-324,
  long: "all work and no play ".repeat(200),
};
const ODD: readonly JsonValue[] = [[1, 2], null, "é", 7, { items: [1] }];

describe.skipIf(skipped)("a server shared with Python's wrappers", () => {
  const client = groupClient(server, skipped);
  const base = redisStore(skipped ? {} : { url: server.url });

  beforeEach(async () => void (await client.flushall()));
  afterAll(() => base.close());

  const fernet = (keys: readonly string[]) => fernetEncryption({ keys });
  const gzip = compression({ format: "python" });
  it.each([
    {
      name: "Fernet",
      ours: base.with(fernet([NEW])),
      python: `FernetEncryptionWrapper(inner, fernet=Fernet("${NEW}"))`,
    },
    {
      name: "Fernet with several keys",
      ours: base.with(fernet([NEW, OLD])),
      python: `FernetEncryptionWrapper(inner, fernet=MultiFernet([Fernet("${OLD}"), Fernet("${NEW}")]))`,
    },
    { name: "gzip", ours: base.with(gzip), python: "CompressionWrapper(inner)" },
    {
      name: "gzip outside of Fernet",
      ours: base.with(fernet([NEW])).with(gzip),
      python: `CompressionWrapper(FernetEncryptionWrapper(inner, fernet=Fernet("${NEW}")))`,
    },
    {
      name: "a prefix of collections",
      ours: base.with(prefixCollections("my-app")),
      python: 'PrefixCollectionsWrapper(inner, prefix="my-app")',
    },
    {
      name: "a prefix of keys",
      ours: base.with(prefixKeys("my-app")),
      python: 'PrefixKeysWrapper(inner, prefix="my-app")',
    },
    {
      name: "a single collection",
      ours: base.with(singleCollection("all")),
      python: 'SingleCollectionWrapper(inner, single_collection="all")',
    },
    {
      name: "most of them",
      ours: base
        .with(fernet([NEW]))
        .with(gzip)
        .with(prefixKeys("k"))
        .with(prefixCollections("c")),
      python: `PrefixCollectionsWrapper(PrefixKeysWrapper(CompressionWrapper(FernetEncryptionWrapper(
        inner, fernet=Fernet("${NEW}"))), prefix="k"), prefix="c")`,
    },
  ])("has under $name our records for Python, and Python's for us", async ({ ours, python }) => {
    const users = ours.collection("users");
    await users.put("ours", VALUE, { ttl: "100s" });
    await users.putMany(ODD.map((value, at) => ({ key: `odd ${at}`, value })));
    await ours.put("default", VALUE);
    const keys = ODD.map((_, at) => `odd ${at}`);
    const answers = await theirs(python).run(
      ["ttl", ["ours"], USERS],
      ["get_many", [keys], USERS],
      ["get", ["default"]],
      ["put", ["theirs", VALUE], { ...USERS, ttl: 100 }],
      ["put", ["small", { n: 1 }], USERS],
      ["put", ["default", { n: 2 }]],
    );
    const wrapped = ODD.map((value) =>
      typeof value === "object" && value !== null && !Array.isArray(value) ? value : { items: value },
    );
    expect(answers).toEqual([[VALUE, expect.closeTo(100, -2)], wrapped, VALUE, null, null, null]);
    expect(await users.getMany(keys)).toEqual(ODD);
    const entry = await users.getEntry("theirs");
    expect([entry?.value, entry?.ttl]).toEqual([VALUE, expect.closeTo(100, -2)]);
    expect(await users.get("small")).toEqual({ n: 1 });
    expect(await ours.get("default")).toEqual({ n: 2 });
  });

  it("has a key from a passphrase and a salt in common", async () => {
    const key = await fernetKeyFromPassphrase("correct horse é", "my-server");
    await base.with(fernet([key])).put("a", VALUE);
    const answers = await theirs(
      'FernetEncryptionWrapper(inner, source_material="correct horse é", salt="my-server")',
    ).run(["get", ["a"]], ["put", ["b", VALUE]]);
    expect(answers).toEqual([VALUE, null]);
    expect(await base.with(fernet([key])).get("b")).toEqual(VALUE);
  });

  it("is brought under a new key by reencrypt, also what Python wrote and what is in plaintext", async () => {
    await theirs("inner").run(["put", ["plain", VALUE], { ...USERS, ttl: 100 }]);
    await theirs(`FernetEncryptionWrapper(inner, fernet=Fernet("${OLD}"))`).run(["put", ["old", VALUE], USERS]);
    await base
      .with(fernet([OLD]))
      .collection("users")
      .put("ours", VALUE);
    const store = base.with(fernetEncryption({ keys: [NEW, OLD], acceptPlaintext: true }));
    for await (const { failures, done, rewritten } of reencrypt(store)) {
      expect(failures).toEqual([]);
      if (done) expect(rewritten).toBe(3);
    }
    const current = `FernetEncryptionWrapper(inner, fernet=Fernet("${NEW}"))`;
    expect(await theirs(current).run(["ttl_many", [["plain", "old", "ours"]], USERS])).toEqual([
      [
        [VALUE, expect.closeTo(100, -2)],
        [VALUE, null],
        [VALUE, null],
      ],
    ]);
    expect(await theirs("inner").run(["get", ["plain"], USERS])).toEqual([
      { __encrypted_data__: expect.any(String), __encryption_version__: 1 },
    ]);
  });

  it("tells of numbers that Python encrypted or compressed and we cannot hold", async () => {
    const both = `CompressionWrapper(FernetEncryptionWrapper(inner, fernet=Fernet("${NEW}")), min_size_to_compress=1)`;
    await theirs(both).run(["put", ["a", { n: new PythonNumber("2**53 + 1"), nan: new PythonNumber("nan") }]]);
    const keys = [NEW];
    const strict = base.with(fernetEncryption({ keys })).with(gzip);
    await expect(strict.get("a")).rejects.toMatchObject({ code: "INEXACT_NUMBER" });
    const nearest = base
      .with(fernetEncryption({ keys, numbers: "nearest" }))
      .with(compression({ format: "python", numbers: "nearest" }));
    expect(await nearest.get("a")).toEqual({ n: 2 ** 53, nan: null });
  });
});
