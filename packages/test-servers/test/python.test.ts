// Python with py-key-value-aio.

import { describe, expect, it } from "vitest";
import { pythonEnvironment, pythonFor } from "../src/index.ts";

const { python, skipped } = await pythonFor();

describe.skipIf(skipped)("python", () => {
  it("imports key_value, with the Redis store, in the pinned version", async () => {
    const script = `
import json
from importlib.metadata import version
from key_value.aio.stores.redis import RedisStore
print(json.dumps([version("py-key-value-aio"), RedisStore.__name__]))`;
    expect(await python.run(script)).toEqual(["0.4.6", "RedisStore"]);
  });

  it("takes JSON and gives JSON", async () => {
    const echo = "import json, sys; json.dump(json.load(sys.stdin), sys.stdout)";
    const value = { text: "ünï\u0000😀", list: [1, null, { deep: true }] };
    expect(await python.run(echo, value)).toEqual(value);
    expect(await python.run(echo)).toBeNull();
  });

  it("rejects with what a failing script says", async () => {
    await expect(python.run("raise ValueError('no good')")).rejects.toThrow(/Traceback.*ValueError: no good/s);
  });

  it("is made once", async () => {
    expect((await pythonEnvironment()).python?.executable).toBe(python.executable);
  });
});
