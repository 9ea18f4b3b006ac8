// MongoDB: a mongod where there is one, else SecantusDB, which speaks the same protocol over the same storage engine.

import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pip } from "../pip.ts";
import type { Plan, Recipe, StartOptions } from "../server.ts";
import { docker, onPath, type Source } from "../source.ts";
import { makeCertificate } from "../tls.ts";

export interface MongodbOptions extends StartOptions {
  /** From its first restart on it wants a login. Make the users before, by `createUser`. */
  readonly auth?: boolean;
  /** TLS only: `ca` is what to trust. */
  readonly tls?: boolean;
  /** What is acknowledged is in a file, so that `kill` and `restart` lose nothing. */
  readonly journal?: boolean;
  /** `configureFailPoint` works: the server then fails as it is told to. */
  readonly failPoints?: boolean;
}

export const mongodb: Recipe<MongodbOptions> = {
  name: "mongodb",
  variable: "KV_TEST_MONGODB_URL",
  port: 27017,
  sources: [
    onPath("mongod"),
    // Releases differ in what they get wrong, so this very one.
    translated(pip("secantusdb==0.7.0b3", "bin/secantusd-py"), toSecantus),
    docker("mongo:8.0", "mongod"),
  ],
  async prepare({ folder, host }, options): Promise<Plan> {
    const data = join(folder, "data");
    await mkdir(data);
    const certificate = options.tls ? await makeCertificate(folder) : undefined;
    const pem = join(folder, "server.pem");
    if (certificate) {
      const parts = [certificate.certificateFile, certificate.keyFile].map((file) => readFileSync(file, "utf8"));
      await writeFile(pem, parts.join("\n"));
    }
    const logFile = join(folder, "log");
    const log = () => (existsSync(logFile) ? readFileSync(logFile, "utf8") : "");
    let printed = 0;
    let ranBefore = false;
    return {
      args(port) {
        printed = log().length;
        const listening = ["--bind_ip", host, "--port", `${port}`, "--dbpath", data];
        const auth = options.auth && ranBefore ? ["--auth"] : [];
        const journal = options.journal ? ["--journalCommitInterval", "1"] : [];
        const failPoints = options.failPoints ? ["--setParameter", "enableTestCommands=1"] : [];
        const tls = certificate ? ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", pem] : [];
        return [...listening, ...auth, ...journal, ...failPoints, ...tls, ...(options.args ?? [])];
      },
      url: (port) => `mongodb://127.0.0.1:${port}/${certificate ? "?tls=true" : ""}`,
      ca: certificate?.ca,
      // Its own word, printed once it has the port: what answers there may be another's.
      ready: async (port) => {
        const news = log().slice(printed);
        const ready =
          news.includes(`secantus listening on ${host}:${port}`) || news.includes("Waiting for connections");
        ranBefore ||= ready;
        return ready;
      },
    };
  },
};

/** A source of a program that names its arguments otherwise. */
function translated(source: Source, translate: (args: readonly string[]) => readonly string[]): Source {
  return {
    ...source,
    async get() {
      const program = await source.get();
      return { ...program, launch: (run) => program.launch({ ...run, args: translate(run.args) }) };
    },
  };
}

/** What SecantusDB calls otherwise. */
const names: { readonly [name: string]: string } = {
  "--bind_ip": "--host",
  "--dbpath": "--storage-path",
  "--tlsCertificateKeyFile": "--tls-cert-file",
};

/** mongod's arguments as SecantusDB's. With its oplog, which `--standalone` leaves out, writes take ten times as long. */
function toSecantus(args: readonly string[]): readonly string[] {
  const translated = ["--standalone"];
  for (let at = 0; at < args.length; at++) {
    const [name = "", value = ""] = args.slice(at);
    if (name === "--auth") {
      translated.push(name);
      continue;
    }
    at++;
    if (name === "--journalCommitInterval") translated.push("--sync-on-commit");
    else if (name === "--setParameter") translated.push("--enable-test-commands");
    else if (name !== "--tlsMode") translated.push(names[name] ?? name, value);
    if (name === "--tlsCertificateKeyFile") translated.push("--tls-key-file", value);
  }
  return translated;
}
