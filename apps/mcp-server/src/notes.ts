/** Notes, kept in a collection of the store: a schema says what a note is, and is checked on the way in and out. */
import { createHash, randomUUID } from "node:crypto";
import type { Collection, KeyValueStore } from "@kv/core";
import type { AuthInfo } from "@modelcontextprotocol/server";
import * as z from "zod";

export const Note = z.object({
  id: z.string(),
  title: z.string(),
  text: z.string(),
  savedAt: z.iso.datetime(),
});
export type Note = z.infer<typeof Note>;

type Kept = Collection<"write" | "enumerate", Note, Note>;

/** The notes of all owners. Each one's keys begin with the owner, so that no id leads to another's note. */
export class Notes {
  readonly #kept: Kept;

  constructor(store: KeyValueStore<"write" | "enumerate">) {
    this.#kept = store.collection("notes", { schema: Note });
  }

  of(owner: string): OwnNotes {
    return new OwnNotes(this.#kept, `${owner}/`);
  }
}

/** The notes of one owner, and no other's. */
export class OwnNotes {
  readonly #kept: Kept;
  readonly #prefix: string;

  constructor(kept: Kept, prefix: string) {
    this.#kept = kept;
    this.#prefix = prefix;
  }

  async save(title: string, text: string): Promise<Note> {
    const note = { id: randomUUID(), title, text, savedAt: new Date().toISOString() };
    await this.#kept.put(this.#prefix + note.id, note);
    return note;
  }

  /** The newest first. */
  async newest(limit: number): Promise<Note[]> {
    const notes: Note[] = [];
    for await (const { value } of this.#kept.entries({ prefix: this.#prefix })) notes.push(value);
    return notes.sort((one, other) => (one.savedAt > other.savedAt ? -1 : 1)).slice(0, limit);
  }

  /** Whether there was one. */
  delete(id: string): Promise<boolean> {
    return this.#kept.delete(this.#prefix + id);
  }
}

/**
 * Whose notes: of the user that the token's issuer has named, hashed, since keys are not encrypted. Without users, of who
 * is on this machine. Never of a client: all users of one program share it.
 */
export function ownerOf(authInfo: AuthInfo | undefined): string {
  if (authInfo === undefined) return "local";
  const { iss, sub } = authInfo.extra ?? {};
  if (typeof iss !== "string" || typeof sub !== "string") throw new Error("the access token names no user");
  return createHash("sha256")
    .update(JSON.stringify([iss, sub]))
    .digest("hex");
}
