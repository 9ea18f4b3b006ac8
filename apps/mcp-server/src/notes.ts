/** Notes, kept in a collection of the store: a schema says what a note is, and is checked on the way in and out. */
import { randomUUID } from "node:crypto";
import type { Collection, KeyValueStore } from "@kv/core";
import * as z from "zod";

export const Note = z.object({
  id: z.string(),
  title: z.string(),
  text: z.string(),
  savedAt: z.iso.datetime(),
});
export type Note = z.infer<typeof Note>;

export class Notes {
  readonly #notes: Collection<"write" | "enumerate", Note, Note>;

  constructor(store: KeyValueStore<"write" | "enumerate">) {
    this.#notes = store.collection("notes", { schema: Note });
  }

  async save(title: string, text: string): Promise<Note> {
    const note = { id: randomUUID(), title, text, savedAt: new Date().toISOString() };
    await this.#notes.put(note.id, note);
    return note;
  }

  /** The newest first. */
  async newest(limit: number): Promise<Note[]> {
    const notes: Note[] = [];
    for await (const { value } of this.#notes.entries()) notes.push(value);
    return notes.sort((one, other) => (one.savedAt > other.savedAt ? -1 : 1)).slice(0, limit);
  }

  /** Whether there was one. */
  delete(id: string): Promise<boolean> {
    return this.#notes.delete(id);
  }
}
