// Elasticsearch 8: a build with few modules (no scripts, no delete by query), but with security.

import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";
import { dirname, join } from "node:path";
import { archive, lookForArchive } from "../maven.ts";
import type { Plan, Recipe, StartOptions } from "../server.ts";
import { docker, type Program, type Source } from "../source.ts";
import { need, run, Unavailable } from "../system.ts";
import { makeCertificate } from "../tls.ts";

export interface ElasticsearchOptions extends StartOptions {
  /** Of the user `admin`, who may do everything: it is in `url`, and nobody else is let in. */
  readonly password?: string;
  /** More users, each with a password and the index privileges that it has. Needs `password`. */
  readonly users?: readonly ElasticsearchUser[];
  /** TLS only: `url` is `elasticsearchs://`, and `ca` is what to trust. Needs `password`. */
  readonly tls?: boolean;
}

export interface ElasticsearchUser {
  readonly name: string;
  readonly password: string;
  readonly indices: readonly { readonly names: readonly string[]; readonly privileges: readonly string[] }[];
}

const ARTIFACT = "org.elasticsearch.distribution.integ-test-zip:elasticsearch:8.19.21:zip";
/** The oldest Java that it runs on. */
const JAVA = 17;
/** Enough for a thousand small indices. */
const HEAP = "-Xms512m -Xmx512m";

export const elasticsearch: Recipe<ElasticsearchOptions> = {
  name: "elasticsearch",
  variable: "KV_TEST_ELASTICSEARCH_URL",
  port: 9200,
  sources: [
    {
      name: "maven",
      async look() {
        const java = await findJava();
        return `${await lookForArchive(ARTIFACT)}, on Java ${java.version}`;
      },
      async get() {
        const java = await findJava();
        const folder = await archive(ARTIFACT);
        return program(join(folder, "elasticsearch-8.19.21"), java.home);
      },
    },
    inContainer("elasticsearch:8.19.2"),
  ],
  async prepare({ folder, data, host }, options): Promise<Plan> {
    const config = join(folder, "config");
    for (const name of ["config", "config/jvm.options.d", "logs", "tmp"]) await mkdir(join(folder, name));
    const nodes = join(data, "data");
    await mkdir(nodes);
    const certificate = options.tls ? await makeCertificate(config) : undefined;
    const ports = join(folder, "logs", "http.ports");
    const login = options.password === undefined ? undefined : `admin:${options.password}`;
    const settings = {
      "network.host": host,
      "path.data": nodes,
      "path.logs": join(folder, "logs"),
      "transport.port": 0,
      "discovery.type": "single-node",
      "node.portsfile": true,
      // Each collection is an index, and tests make many.
      "cluster.max_shards_per_node": 100_000,
      "cluster.routing.allocation.disk.threshold_enabled": false,
      "xpack.security.enabled": login !== undefined,
      ...(certificate && {
        "xpack.security.http.ssl.enabled": true,
        "xpack.security.http.ssl.certificate": certificate.certificateFile,
        "xpack.security.http.ssl.key": certificate.keyFile,
      }),
    };
    // JSON is YAML, and so is each of its values.
    const lines = Object.entries(settings).map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`);
    await writeFile(join(config, "elasticsearch.yml"), lines.join(""));
    const users = options.users ?? [];
    const roles = users.map(({ name, indices }) => `${JSON.stringify(name)}: ${JSON.stringify({ indices })}\n`);
    const everybody = [{ name: "admin", password: options.password ?? "" }, ...users];
    await writeFile(join(config, "roles.yml"), roles.join(""));
    await writeFile(join(config, "users"), everybody.map(({ name, password }) => `${name}:${password}\n`).join(""));
    const memberships = ["superuser:admin", ...users.map(({ name }) => `${name}:${name}`)];
    await writeFile(join(config, "users_roles"), `${memberships.join("\n")}\n`);
    return {
      args(port) {
        rmSync(ports, { force: true });
        return ["-E", `http.port=${port}`, ...(options.args ?? [])];
      },
      url(port) {
        const user = options.password === undefined ? "" : `admin:${encodeURIComponent(options.password)}@`;
        return `elasticsearch${certificate ? "s" : ""}://${user}127.0.0.1:${port}`;
      },
      ca: certificate?.ca,
      // The file is of the very server that has the folder; what answers on the port may be another.
      ready: async (port) =>
        existsSync(ports) &&
        readFileSync(ports, "utf8").includes(`:${port}\n`) &&
        (await isHealthy(port, login, certificate?.ca)),
    };
  },
};

/** Whether it takes work. Settles within seconds. */
function isHealthy(port: number, login: string | undefined, ca: string | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const request = ca === undefined ? requestPlain : requestTls;
    const asking = request(
      {
        host: "127.0.0.1",
        port,
        path: "/_cluster/health?wait_for_status=yellow&timeout=1s",
        timeout: 2000,
        ...(login !== undefined && { auth: login }),
        ...(ca !== undefined && { ca }),
      },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      },
    );
    asking.on("timeout", () => asking.destroy());
    asking.on("error", () => resolve(false));
    asking.end();
  });
}

/** Elasticsearch unpacked in `home`, which is only read. */
function program(home: string, java: string): Program {
  return {
    origin: `Maven's ${ARTIFACT}`,
    host: "127.0.0.1",
    // It waits for the disk several times for each index that is made.
    inMemory: true,
    launch({ folder, data, args }) {
      const config = join(folder, "config");
      for (const name of ["jvm.options", "log4j2.properties"])
        copyFileSync(join(home, "config", name), join(config, name));
      const env = {
        ES_JAVA_HOME: java,
        ES_PATH_CONF: config,
        ES_TMPDIR: join(folder, "tmp"),
        ES_JAVA_OPTS: `${HEAP} -XX:TieredStopAtLevel=1`,
        CLI_JAVA_OPTS: "-XX:TieredStopAtLevel=1",
      };
      if (process.getuid?.() !== 0) return { command: join(home, "bin", "elasticsearch"), args, env };
      // It refuses to run as root; and nobody else can be sure to reach the cache folder.
      const own = join(folder, "elasticsearch");
      if (!existsSync(own)) copyTree(home, own);
      const user = { uid: idOf("-u", "nobody"), gid: idOf("-g", "nobody") };
      const owner = `${user.uid}:${user.gid}`;
      execFileSync("chown", [owner, folder, data]);
      const parts = ["config", "logs", "tmp"].map((name) => join(folder, name));
      execFileSync("chown", ["-R", owner, ...parts, join(data, "data")]);
      return { command: join(own, "bin", "elasticsearch"), args, env, user };
    },
  };
}

/** The image, whose own user must be let into the folder. */
function inContainer(image: string): Source {
  // Its own settings, for those that are not ours.
  const script = 'cp -n config/jvm.options config/log4j2.properties "$ES_PATH_CONF" && exec bin/elasticsearch "$@"';
  const source = docker(image, "bash");
  return {
    ...source,
    async get() {
      const program = await source.get();
      return {
        ...program,
        launch(run) {
          const { folder, args } = run;
          for (const name of ["", "config", "config/jvm.options.d", "data", "logs", "tmp"]) {
            chmodSync(join(folder, name), 0o777);
          }
          const launch = program.launch({ ...run, args: ["-c", script, "elasticsearch", ...args] });
          const image = launch.args.indexOf("--entrypoint");
          const settings = { ES_PATH_CONF: join(folder, "config"), ES_JAVA_OPTS: HEAP };
          const env = Object.entries(settings).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
          const user = process.getuid?.() === 0 ? ["--user", "1000:0"] : [];
          return { ...launch, args: [...launch.args.slice(0, image), ...env, ...user, ...launch.args.slice(image)] };
        },
      };
    },
  };
}

async function findJava(): Promise<{ readonly home: string; readonly version: number }> {
  const given = process.env.ES_JAVA_HOME || process.env.JAVA_HOME;
  const java = given ? join(given, "bin", "java") : need("java");
  // Before Java 9 it does not know the option.
  const answer = await run(java, ["--version"]).catch(() => "");
  const version = Number(/^\S+ (\d+)/.exec(answer)?.[1] ?? 0);
  if (version < JAVA) throw new Unavailable(`Elasticsearch needs Java ${JAVA} or newer, which ${java} is not`);
  return { home: dirname(dirname(realpathSync(java))), version };
}

/** A copy that takes no room where links can be made. */
function copyTree(from: string, to: string): void {
  try {
    execFileSync("cp", ["-al", from, to], { stdio: "ignore" });
  } catch {
    rmSync(to, { recursive: true, force: true });
    execFileSync("cp", ["-a", from, to]);
  }
}

function idOf(kind: "-u" | "-g", user: string): number {
  return Number(execFileSync("id", [kind, user], { encoding: "utf8" }));
}
