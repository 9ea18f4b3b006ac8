/** Collections with a schema, by the Standard Schema interface (zod, valibot, arktype …). */
import { SchemaError, type SchemaIssue } from "./errors.ts";
import { formatPath, type JsonValue } from "./json.ts";

/** Version 1 of the interface at standardschema.dev, as far as it is used here. */
export interface Schema<In = unknown, Out = In> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Out> | Promise<SchemaResult<Out>>;
    readonly types?: { readonly input: In; readonly output: Out } | undefined;
  };
}

export type SchemaResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** What a collection makes of a stored value. Plain collections give it back as it is. */
export interface Shape<Out> {
  /** Whether `read` may refuse a value. */
  readonly checks: boolean;
  /** @throws SchemaError */
  read(value: JsonValue): Out | Promise<Out>;
}

export const anyShape: Shape<JsonValue> = { checks: false, read: (value) => value };

export function shapeOf<In, Out>(schema: Schema<In, Out>): Shape<Out> {
  const { validate } = schema["~standard"];
  return {
    checks: true,
    read(value) {
      const result = validate(value);
      return result instanceof Promise ? result.then(outputOf) : outputOf(result);
    },
  };
}

function outputOf<Out>(result: SchemaResult<Out>): Out {
  if (result.issues === undefined) return result.value;
  // Arktype's paths are of a class of its own, whose map() makes another such.
  const path = Array.from(result.issues[0]?.path ?? [], (part) => (typeof part === "object" ? part.key : part));
  const where = path.length === 0 ? "" : ` at ${formatPath(path)}`;
  throw new SchemaError(`the value does not fit the collection's schema${where}`, path, result.issues);
}
