/** Schemas by hand, by the Standard Schema interface, so that the suite needs no library. */
import type { Schema, SchemaResult } from "../schema.ts";

function schema<In, Out>(
  validate: (value: unknown) => SchemaResult<Out> | Promise<SchemaResult<Out>>,
): Schema<In, Out> {
  return { "~standard": { version: 1, vendor: "kv conformance", validate } };
}

/** Strings, and nothing else. */
export const text = schema<string, string>((value) =>
  typeof value === "string" ? { value } : { issues: [{ message: "not a string" }] },
);

export interface UserInput {
  readonly name: string;
  readonly tags?: readonly string[];
}

export interface User {
  readonly name: string;
  readonly tags: readonly string[];
  /** Made by the schema: what is stored has none. */
  readonly shout: string;
}

function validateUser(value: unknown): SchemaResult<User> {
  if (typeof value !== "object" || value === null) return { issues: [{ message: "not an object" }] };
  const { name, tags = [] }: { name?: unknown; tags?: unknown } = value;
  if (typeof name !== "string") return { issues: [{ message: "not a string", path: ["name"] }] };
  if (!Array.isArray(tags)) return { issues: [{ message: "not an array", path: ["tags"] }] };
  const strings: string[] = [];
  for (const [index, tag] of tags.entries()) {
    // Both forms that a path may have.
    if (typeof tag !== "string") return { issues: [{ message: "not a string", path: [{ key: "tags" }, index] }] };
    strings.push(tag);
  }
  return { value: { name, tags: strings, shout: name.toUpperCase() } };
}

/** A name, tags that are added where there are none, and the name in upper case, added when it is read. */
export const user = schema<UserInput, User>(validateUser);

/** The same, but its answer takes a while. */
export const slowUser = schema<UserInput, User>(async (value) => {
  await new Promise((resolve) => setTimeout(resolve, 2));
  return validateUser(value);
});

/** Numbers below 3. */
export const small = schema<number, number>((value) =>
  typeof value === "number" && value < 3 ? { value } : { issues: [{ message: "not a small number" }] },
);
