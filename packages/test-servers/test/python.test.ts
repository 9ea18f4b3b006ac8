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

  it("answers again and again, each time as if it had just begun", async () => {
    const served = python.serve(
      "import json, os\ncount = 0\ndef main(text):\n    global count\n    count += 1\n    return json.dumps([count, json.loads(text), os.getppid()])",
    );
    const value = { text: "ünï\u0000\u2028\r\n😀" };
    const [first, second] = await Promise.all([served.ask(value), served.ask(null)]);
    expect(first).toEqual([1, value, expect.any(Number)]);
    expect(second).toEqual([1, null, (first as unknown[])[2]]);
  });

  it("rejects with what a failing answer says, and answers the next", async () => {
    const served = python.serve(
      "import json, os\ndef main(text):\n    given = json.loads(text)\n    if given == 'die':\n        os._exit(7)\n    return json.dumps(1 / given)",
    );
    await expect(served.ask(0)).rejects.toThrow(/Traceback.*\n.*ZeroDivisionError/s);
    await expect(served.ask("die")).rejects.toThrow(/status 1792/);
    expect(await served.ask(2)).toBe(0.5);
    await expect(python.serve("raise ValueError('no good')").ask(1)).rejects.toThrow(/ended: 1\n.*no good/s);
  });

  it("is made once", async () => {
    expect((await pythonEnvironment()).python?.executable).toBe(python.executable);
  });
});
