/** The documents: all Markdown files in a folder. They are read anew for each search, so what is found is what is there. */
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { UsageError } from "./options.ts";
import { excerptOf, rank, wordsOf } from "./ranking.ts";

export interface Document {
  /** Relative to the folder, with `/` between its parts. */
  readonly path: string;
  readonly uri: string;
  /** Its first heading, else its path. */
  readonly title: string;
  readonly text: string;
}

export interface SearchResult {
  readonly uri: string;
  readonly title: string;
  /** Higher is better; says nothing across searches. */
  readonly score: number;
  /** The paragraph that has most of the words. */
  readonly excerpt: string;
}

interface File {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** How long the state of the folder is believed, in milliseconds. */
const REVISION_AGE = 1000;

export class Documents {
  readonly folder: string;
  #revision: { readonly value: Promise<string>; readonly since: number } | undefined;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @throws UsageError where there is nothing to serve */
  static async in(folder: string): Promise<Documents> {
    const documents = new Documents(resolve(folder));
    const count = await documents.count().catch((error: unknown) => {
      throw new UsageError(`cannot read the documents' folder ${documents.folder}: ${reasonOf(error)}`);
    });
    if (count === 0) throw new UsageError(`there is no Markdown (*.md) in ${documents.folder}`);
    return documents;
  }

  async count(): Promise<number> {
    return (await this.#files()).length;
  }

  /** In the order of their paths. */
  async all(): Promise<Document[]> {
    const files = await this.#files();
    const documents = await Promise.all(files.map(({ path }) => this.#read(path)));
    return documents.filter((document) => document !== undefined);
  }

  /** `undefined` where no document has this URI: only what the folder lists can be read. */
  async read(uri: string): Promise<Document | undefined> {
    const file = (await this.#files()).find(({ path }) => uriOf(path) === uri);
    return file && this.#read(file.path);
  }

  /** The best documents first. Slow: reads and ranks the whole folder. */
  async search(query: string, limit: number): Promise<SearchResult[]> {
    const documents = await this.all();
    const words = wordsOf(query);
    return rank(words, documents)
      .slice(0, limit)
      .map(({ document, score }) => {
        const { uri, title, text } = document;
        return { uri, title, score: Number(score.toFixed(3)), excerpt: excerptOf(words, text) };
      });
  }

  /** Another value once a document has come, gone or changed; told at most a second late. */
  revision(): Promise<string> {
    const now = performance.now();
    if (this.#revision === undefined || now - this.#revision.since > REVISION_AGE) {
      this.#revision = { value: this.#hash(), since: now };
    }
    return this.#revision.value;
  }

  async #hash(): Promise<string> {
    const hash = createHash("sha256");
    for (const { path, size, mtimeMs } of await this.#files()) hash.update(`${path}\0${size}\0${mtimeMs}\0`);
    return hash.digest("hex");
  }

  /** Hidden folders and `node_modules` are left out, and links are not followed. */
  async #files(): Promise<File[]> {
    const paths: string[] = [];
    const folders = [this.folder];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
        const path = join(folder, entry.name);
        if (entry.isDirectory()) folders.push(path);
        else if (entry.isFile() && /\.md$/i.test(entry.name)) paths.push(path);
      }
    }
    const files = await Promise.all(
      paths.map(async (path) => {
        const status = await unlessGone(stat(path));
        return status && { path: relative(this.folder, path).split(sep).join("/"), ...pick(status) };
      }),
    );
    return files.filter((file) => file !== undefined).sort((one, other) => (one.path < other.path ? -1 : 1));
  }

  async #read(path: string): Promise<Document | undefined> {
    const text = await unlessGone(readFile(join(this.folder, path), "utf8"));
    if (text === undefined) return undefined;
    return { path, uri: uriOf(path), title: /^#\s+(.+)$/m.exec(text)?.[1]?.trim() ?? path, text };
  }
}

function pick({ size, mtimeMs }: { size: number; mtimeMs: number }): Omit<File, "path"> {
  return { size, mtimeMs };
}

function uriOf(path: string): string {
  return `docs:///${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** `undefined` where the file was deleted since it was listed. */
async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function reasonOf(error: unknown): string {
  const reasons: { readonly [code: string]: string } = {
    ENOENT: "it does not exist",
    ENOTDIR: "it is not a folder",
    EACCES: "permission denied",
  };
  return reasons[codeOf(error)] ?? String(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
