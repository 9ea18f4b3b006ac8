/** About how many bytes a record takes on the heap of V8: enough for a bound, not exact. */
import type { JsonValue, RecordId, StoredRecord } from "@kv/core/driver";

/** The slot, the record, the entry in the Map, and the headers of the two strings. */
const RECORD_BYTES = 240;
const HEADER_BYTES = 16;
const POINTER_BYTES = 8;

export function sizeOf({ key }: RecordId, { value }: StoredRecord): number {
  return RECORD_BYTES + stringBytes(key) + valueBytes(value);
}

function valueBytes(value: JsonValue | undefined): number {
  switch (typeof value) {
    case "string":
      return stringBytes(value);
    case "object": {
      if (value === null) return POINTER_BYTES;
      let bytes = HEADER_BYTES;
      if (Array.isArray(value)) {
        for (const part of value) bytes += POINTER_BYTES + valueBytes(part);
      } else {
        for (const [key, part] of Object.entries<JsonValue | undefined>(value)) {
          bytes += POINTER_BYTES + stringBytes(key) + valueBytes(part);
        }
      }
      return bytes;
    }
    default:
      return POINTER_BYTES;
  }
}

/** One byte a character, as most text has it. */
function stringBytes(text: string): number {
  return HEADER_BYTES + text.length;
}
