// Debian and Ubuntu packages without root: apt-get with folders of its own, unpacked by dpkg-deb, never installed.

import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cached, findCached } from "./cache.ts";
import { native, type Program, type Source } from "./source.ts";
import { lastLine, need, run, Unavailable } from "./system.ts";

interface AptOptions {
  /** Also looks among the backports: what is newer than the system's release, made for it by the same people. */
  readonly backports?: boolean;
  /** More packages to unpack beside it. */
  readonly also?: readonly string[];
}

/** A program from the system's own package sources, with those of its dependencies that the system lacks. */
export function apt(pkg: string, program: string, options: AptOptions = {}): Source {
  const name = () => `apt-${pkg}-${system()}-${process.arch}`;
  async function look(): Promise<string> {
    const entry = findCached(name());
    if (entry !== undefined) return `in ${entry}`;
    need("apt-get");
    need("dpkg-deb");
    return `can be fetched by apt-get, without root (package ${pkg})`;
  }
  async function get(): Promise<Program> {
    await look();
    const root = await cached(name(), (folder) => unpack(pkg, program, folder, options));
    return native(join(root, program), `apt package ${pkg}`, environment(root));
  }
  return { name: "apt", look, get };
}

/** Fetches into `root/.apt`, unpacks into `root`, and makes sure that the program runs. */
async function unpack(pkg: string, program: string, root: string, options: AptOptions): Promise<void> {
  const { backports = false, also = [] } = options;
  const aptGet = need("apt-get");
  const dpkgDeb = need("dpkg-deb");
  const work = join(root, ".apt");
  const archives = join(work, "cache", "archives");
  await mkdir(join(work, "lists", "partial"), { recursive: true });
  await mkdir(join(archives, "partial"), { recursive: true });
  const sources = backports ? await addBackports(join(work, "sources")) : undefined;
  await writeFile(join(work, "apt.conf"), configuration(work, sources));
  const get = (...args: string[]) => run(aptGet, ["-qq", "-y", "-c", join(work, "apt.conf"), ...args]);
  try {
    await get("update").catch(() => {}); // One broken source of several is no reason to stop.
    await get("install", "--download-only", "--no-install-recommends", pkg, ...also);
    const files = (await readdir(archives)).filter((file) => file.endsWith(".deb"));
    for (const file of files) await run(dpkgDeb, ["-x", join(archives, file), root]);
    await run(join(root, program), ["--version"], { env: environment(root) });
  } catch (error) {
    throw new Unavailable(`apt-get could not fetch ${pkg} (${lastLine(error)})`);
  }
  await rm(work, { recursive: true });
}

/** The system's settings and sources, but its own state, no lock, no other user, and none of the system's hooks. */
function configuration(work: string, sources: string | undefined): string {
  return `${sources === undefined ? "" : `Dir::Etc::SourceParts "${sources}";`}
Dir::State::lists "${work}/lists";
Dir::Cache "${work}/cache";
Debug::NoLocking "1";
APT::Sandbox::User "root";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`;
}

/** Copies the system's package sources into `folder`, and adds the backports of the first one. */
async function addBackports(folder: string): Promise<string> {
  const system = "/etc/apt/sources.list.d";
  if (existsSync(system)) await cp(system, folder, { recursive: true });
  else await mkdir(folder, { recursive: true });
  const suite = `${release("VERSION_CODENAME")}-backports`;
  for (const file of [...(await readdir(folder)), "../sources.list"]) {
    const path = join(system, file);
    const text = existsSync(path) ? await readFile(path, "utf8") : "";
    const [stanza] = text.split(/\n\s*\n/);
    const line = /^deb (\[.*?\] )?(\S+) \S+ (.+)$/m.exec(text);
    if (stanza?.includes("\nSuites:")) {
      await writeFile(join(folder, "kv-backports.sources"), `${stanza.replace(/^Suites:.*$/m, `Suites: ${suite}`)}\n`);
      break;
    }
    if (line) {
      await writeFile(join(folder, "kv-backports.list"), `deb ${line[1] ?? ""}${line[2]} ${suite} ${line[3]}\n`);
      break;
    }
  }
  return folder;
}

function environment(root: string): Record<string, string> {
  const triplet = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" }[process.arch as string] ?? "";
  const libraries = join(root, "usr/lib", triplet);
  // Chromium's sound library has a part of its own there.
  const folders = [libraries, join(libraries, "pulseaudio"), join(root, "lib", triplet)].filter((folder) =>
    existsSync(folder),
  );
  return { LD_LIBRARY_PATH: folders.join(":") };
}

/** Such as `debian-12`: what was fetched for one release must not be used on another. */
function system(): string {
  return `${release("ID")}-${release("VERSION_ID")}`;
}

/** A field of the system's description of itself. */
function release(key: string): string {
  const text = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return new RegExp(`^${key}="?([^"\n]*)`, "m").exec(text)?.[1] ?? "unknown";
}
