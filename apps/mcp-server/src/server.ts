/** The MCP server itself: its tools, resources and prompt. */
import { KeyValueError } from "@kv/core";
import type { ResponseCache } from "@kv/mcp/server";
import { McpServer, ResourceNotFoundError, ResourceTemplate } from "@modelcontextprotocol/server";
import * as z from "zod";
import type { Documents } from "./documents.ts";
import { Note, type Notes, type OwnNotes } from "./notes.ts";
import { wordsOf } from "./ranking.ts";
import { describe } from "./store.ts";

export const SERVER = { name: "knowledge-base", version: "0.1.0", title: "Knowledge base" };

/** How long the list of notes may be kept, should another process fail to say that it has changed. */
export const LIST_TTL = "1m";

export interface Parts {
  readonly documents: Documents;
  readonly notes: Notes;
  readonly cache: ResponseCache;
  /** Told of the failures that callers got an error for. */
  failed(error: unknown): void;
}

const Query = z
  .string()
  .max(500)
  .refine((text) => wordsOf(text).length > 0, "give at least one word to look for");
const Limit = z.number().int().min(1).max(50);

/**
 * A server instance: one for each HTTP request, or for the one connection of stdio. What lasts is in `parts`.
 * @param owner whose notes it has
 */
export function createServer(parts: Parts, owner: string): McpServer {
  const server = new McpServer(SERVER, {
    instructions: "Searches a folder of Markdown documents and keeps notes. Begin with search_docs.",
  });
  // Before anything is registered: what is registered later is what is cached.
  parts.cache.install(server);
  registerSearch(server, parts);
  registerNotes(server, parts.notes.of(owner), parts);
  registerDocuments(server, parts);
  registerPrompt(server, parts);
  return server;
}

function registerSearch(server: McpServer, { documents }: Parts): void {
  server.registerTool(
    "search_docs",
    {
      title: "Search the documents",
      description: "Finds the documents that are about some words, best first, each with an excerpt.",
      inputSchema: z.object({
        query: Query.describe("Words to look for"),
        limit: Limit.default(5).describe("At most so many documents"),
      }),
      outputSchema: z.object({
        results: z.array(z.object({ uri: z.string(), title: z.string(), score: z.number(), excerpt: z.string() })),
      }),
      // Reads only, and only what the server has: this is what makes the cache take it.
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ query, limit }) => {
      const results = await documents.search(query, limit);
      const found = results.map(({ uri, title, excerpt }) => `${title}\n${uri}\n\n${excerpt}`);
      return {
        content: [{ type: "text", text: found.join("\n\n---\n\n") || "No document has any of these words." }],
        structuredContent: { results },
      };
    },
  );
}

function registerNotes(server: McpServer, notes: OwnNotes, { cache, failed }: Parts): void {
  server.registerTool(
    "save_note",
    {
      title: "Save a note",
      description: "Keeps a note until it is deleted. Answers with its id.",
      inputSchema: z.object({ title: z.string().trim().min(1).max(200), text: z.string().max(100_000) }),
      outputSchema: Note,
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    },
    async ({ title, text }) => {
      const note = await unlessStoreFails("save the note", () => notes.save(title, text));
      await forgetList();
      return { content: [{ type: "text", text: `Saved as ${note.id}.` }], structuredContent: note };
    },
  );

  server.registerTool(
    "list_notes",
    {
      title: "List the notes",
      description: "The notes, newest first.",
      inputSchema: z.object({ limit: Limit.default(20) }),
      outputSchema: z.object({ notes: z.array(Note) }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async ({ limit }) => {
      const newest = await unlessStoreFails("list the notes", () => notes.newest(limit));
      const lines = newest.map(({ id, title, savedAt }) => `${savedAt}  ${id}  ${title}`);
      return {
        content: [{ type: "text", text: lines.join("\n") || "There are no notes yet: save_note makes one." }],
        structuredContent: { notes: newest },
      };
    },
  );

  server.registerTool(
    "delete_note",
    {
      title: "Delete a note",
      description: "Deletes the note with this id.",
      inputSchema: z.object({ id: z.string().min(1) }),
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    },
    async ({ id }) => {
      if (!(await unlessStoreFails("delete the note", () => notes.delete(id)))) {
        throw new Error("There is no note with this id: list_notes shows those that there are.");
      }
      await forgetList();
      return { content: [{ type: "text", text: "Deleted." }] };
    },
  );

  /** The list's answers are read-only, so they are cached, but each note changes them. */
  async function forgetList(): Promise<void> {
    // The note is stored, whatever becomes of this; and no answer of the list is kept for longer than LIST_TTL.
    await cache.invalidate({ tool: "list_notes" }).catch(failed);
  }

  /** What the SDK makes of a thrown error is a tool result that the model reads: it should help. */
  async function unlessStoreFails<T>(what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      failed(error);
      if (!(error instanceof KeyValueError)) throw error;
      const advice =
        error.outcome === "unknown"
          ? "It may have happened all the same: see list_notes before trying again."
          : error.retryable
            ? "Try again in a moment."
            : "Trying again will not help.";
      throw new Error(`Could not ${what} (${describe(error)}). ${advice}`);
    }
  }
}

function registerDocuments(server: McpServer, { documents }: Parts): void {
  const list = async () => ({
    resources: (await documents.all()).map(({ uri, path, title }) => ({ uri, name: path, title, mimeType })),
  });
  const mimeType = "text/markdown";
  server.registerResource(
    "document",
    new ResourceTemplate("docs:///{+path}", { list }),
    { title: "A document", description: "One of the Markdown documents, whole", mimeType },
    async (uri) => {
      const document = await documents.read(uri.href);
      if (document === undefined) throw new ResourceNotFoundError(uri.href);
      return { contents: [{ uri: uri.href, mimeType, text: document.text }] };
    },
  );
}

function registerPrompt(server: McpServer, { documents }: Parts): void {
  server.registerPrompt(
    "explain_topic",
    {
      title: "Explain a topic",
      description: "Explains a topic from the documents that are about it.",
      argsSchema: z.object({ topic: Query.describe("What to explain") }),
    },
    async ({ topic }) => {
      const found = await documents.search(topic, 3);
      const excerpts = found.map(({ uri, title, excerpt }) => `From "${title}" (${uri}):\n${excerpt}`);
      const task = `Explain ${JSON.stringify(topic)} to someone new to it, in a few paragraphs.`;
      const sources = excerpts.length
        ? `Use these documents and name those that you rely on; read them whole as resources where needed.`
        : `No document of this knowledge base mentions it: say so first.`;
      const text = [task, sources, ...excerpts].join("\n\n");
      return { messages: [{ role: "user", content: { type: "text", text } }] };
    },
  );
}
