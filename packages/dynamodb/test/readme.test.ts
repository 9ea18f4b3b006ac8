// The example of the README is the one in examples/, and does what it says.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { serverFor } from "@kv/test-servers";
import * as vitest from "vitest";
import { describe, expect, it } from "vitest";
import { credentials, endpointOf, SERVERS } from "./helpers.ts";

for (const name of SERVERS) {
  const { server, skipped } = await serverFor(vitest, name, { own: true });

  describe.skipIf(skipped)(`the README's example, on ${name}`, () => {
    it("runs, and prints what its comments say", async () => {
      const example = readFileSync(new URL("../examples/users.ts", import.meta.url), "utf8");
      expect(readFileSync(new URL("../README.md", import.meta.url), "utf8")).toContain(`\`\`\`ts\n${example}\`\`\``);
      const file = fileURLToPath(new URL("../examples/users.ts", import.meta.url));
      const child = spawn(process.execPath, ["--conditions=@kv/source", "--import", "tsx", file], {
        env: {
          ...process.env,
          DYNAMODB_URL: endpointOf(server),
          AWS_ACCESS_KEY_ID: credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [[code], chunks] = await Promise.all([once(child, "exit"), child.stdout.toArray()]);
      expect({ code, output: Buffer.concat(chunks).toString() }).toEqual({ code: 0, output: "{ name: 'Ada' }\n1\n" });
    });
  });
}
