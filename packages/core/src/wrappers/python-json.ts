/**
 * Values as the JSON text that Python's wrappers make: compact, in insertion order, everything beyond ASCII escaped.
 *
 * Python's values are objects. Any other one becomes `{"items": value}`, as Python's own adapters have it, with a line
 * end after it, by which we know that it was not an object, and which Python does not see.
 */
import { type InexactNumbers, parseForeign } from "../driver/envelope.ts";
import { CorruptRecordError, InvalidArgumentError } from "../errors.ts";
import type { JsonValue } from "../json.ts";

/** A JSON string or number. */
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;

export function toPythonJson(value: JsonValue): string {
  const plain = typeof value === "object" && value !== null && !Array.isArray(value);
  let text = plain ? JSON.stringify(value) : `{"items":${JSON.stringify(value)}}\n`;
  if (/\d{16}/.test(text)) {
    // JavaScript writes a long integer rounded, to as many digits as tell it from other numbers; Python would keep that.
    text = text.replace(STRING_OR_NUMBER, (token) =>
      /^-?\d{16,}$/.test(token) ? String(BigInt(Number(token))) : token,
    );
  }
  return text.replace(/[\u007f-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** @throws CorruptRecordError, InexactNumberError */
export function fromPythonJson(text: string, numbers: InexactNumbers): JsonValue {
  const value = parseForeign(text, numbers);
  if (!text.endsWith("\n")) return value;
  if (typeof value !== "object" || value === null || !("items" in value) || value.items === undefined) {
    throw new CorruptRecordError("the stored value is marked as no object, and has no items");
  }
  return value.items;
}

/** @throws InvalidArgumentError */
export function checkNumbers(numbers: InexactNumbers): void {
  if (numbers !== "error" && numbers !== "nearest") {
    throw new InvalidArgumentError('numbers must be "error" or "nearest"');
  }
}
