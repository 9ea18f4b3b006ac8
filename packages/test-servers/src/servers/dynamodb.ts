// DynamoDB, as two programs have it that were written for tests: what one lacks the other has. Amazon's own is never fetched,
// for its licence; who has it running gives its URL.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { npm } from "../npm.ts";
import { pip } from "../pip.ts";
import type { Recipe, StartOptions } from "../server.ts";
import type { Source } from "../source.ts";
import { type Certificate, makeCertificate } from "../tls.ts";

const require = createRequire(import.meta.url);

export interface DynamodbOptions extends StartOptions {
  /** TLS only: `ca` is what to trust. */
  readonly tls?: boolean;
}

interface Program {
  args(at: { readonly host: string; readonly port: number; readonly data: string }): readonly string[];
  /** For TLS. */
  certificate(certificate: Certificate): readonly string[];
  /** What it prints once it has the port: what answers there before may be another's. */
  readonly listening: string;
}

/** Its data outlive `kill`. It knows no transactions, no times to live, and does not tell what a condition failed on. */
export const dynalite: Recipe<DynamodbOptions> = {
  name: "dynalite",
  variable: "KV_TEST_DYNAMODB_URL",
  port: 8000,
  sources: [npm("dynalite", () => require.resolve("dynalite/cli.js"))],
  prepare: prepared({
    args: ({ host, port, data }) => [
      ...["--host", host, "--port", `${port}`, "--path", data],
      ...["--createTableMs", "0", "--deleteTableMs", "0", "--updateTableMs", "0"],
    ],
    certificate: ({ ca, certificateFile, keyFile }) => [
      ...["--ssl", "--ca", ca, "--cert", readFileSync(certificateFile, "utf8"), "--key", readFileSync(keyFile, "utf8")],
    ],
    listening: "Dynalite listening at",
  }),
};

/** Slow, and keeps all in memory. */
export const moto: Recipe<DynamodbOptions> = {
  name: "moto",
  variable: "KV_TEST_DYNAMODB_URL",
  port: 8000,
  sources: [oneByOne(pip("moto[server,dynamodb]==5.2.5", "bin/moto_server"))],
  prepare: prepared({
    args: ({ host, port }) => ["-H", host, "-p", `${port}`],
    certificate: ({ certificateFile, keyFile }) => ["-c", certificateFile, "-k", keyFile],
    listening: "Running on http",
  }),
};

/**
 * moto's own program, but with one request after another: it handles each in a thread of its own, without a lock, so that of two
 * writes with a condition both may find that it holds.
 */
const ONE_BY_ONE = `
import io, sys, threading
import moto.server

lock = threading.Lock()
run = moto.server.run_simple

def run_one_by_one(host, port, app, **settings):
    def serve(environ, start_response):
        # Before the lock: a client may be slow, or gone.
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        with lock:
            return app({**environ, "wsgi.input": io.BytesIO(body)}, start_response)
    run(host, port, serve, **settings)

moto.server.run_simple = run_one_by_one
moto.server.main(sys.argv[1:])
`;

function oneByOne(source: Source): Source {
  return {
    ...source,
    async get() {
      const program = await source.get();
      return {
        ...program,
        launch: (run) => ({ ...program.launch(run), args: ["-c", ONE_BY_ONE, ...run.args] }),
      };
    },
  };
}

/** Both take any user and region. The URL is that of a store, which makes the table. */
function prepared(program: Program): Recipe<DynamodbOptions>["prepare"] {
  return async ({ folder, host }, options) => {
    const certificate = options.tls ? await makeCertificate(folder) : undefined;
    const logFile = join(folder, "log");
    const log = () => (existsSync(logFile) ? readFileSync(logFile, "utf8") : "");
    let printed = 0;
    return {
      args(port) {
        printed = log().length;
        const tls = certificate ? program.certificate(certificate) : [];
        return [...program.args({ host, port, data: join(folder, "data") }), ...tls, ...(options.args ?? [])];
      },
      url: (port) => {
        const endpoint = `http${certificate ? "s" : ""}://127.0.0.1:${port}`;
        return `dynamodb://user:secret@us-east-1/kv-test?endpoint=${endpoint}&createTable=true`;
      },
      ca: certificate?.ca,
      ready: async () => log().slice(printed).includes(program.listening),
    };
  };
}
