// The example of the README is the one in examples/, and does what it says.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { Asker, ended } from "./helpers.ts";

const { server, skipped } = await serverFor(vitest, "elasticsearch");

describe.skipIf(skipped)("the README's example", () => {
  it("runs, and prints what its comments say", async () => {
    const example = readFileSync(new URL("../examples/users.ts", import.meta.url), "utf8");
    expect(readFileSync(new URL("../README.md", import.meta.url), "utf8")).toContain(`\`\`\`ts\n${example}\`\`\``);
    const file = fileURLToPath(new URL("../examples/users.ts", import.meta.url));
    const child = spawn(process.execPath, ["--conditions=@kv/source", "--import", "tsx", file], {
      env: { ...process.env, ELASTICSEARCH_URL: `${server.url}/readme` },
      stdio: ["ignore", "pipe", "inherit"],
    });
    expect(await ended(child)).toEqual({ code: 0, output: "{ name: 'Ada' }\n1\n" });
    const asker = new Asker(() => server);
    expect(await asker.indices("readme")).toEqual(["readme-users"]);
    await asker.deleteIndices("readme");
  });
});
