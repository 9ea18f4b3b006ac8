/**
 * BSON as JSON, with nothing lost on the way. The driver's own reader rounds integers or gives objects for them, and takes
 * what has the properties `$ref` and `$id` for a reference.
 */
import { isUtf8 } from "node:buffer";
import { CorruptRecordError } from "@kv/core";
import type { JsonObject, JsonValue } from "@kv/core/driver";
import { BSON } from "mongodb";

const DOUBLE = 0x01;
const STRING = 0x02;
const OBJECT = 0x03;
const ARRAY = 0x04;
const BINARY = 0x05;
const BOOLEAN = 0x08;
const DATE = 0x09;
const NULL = 0x0a;
const REGEXP = 0x0b;
const INT32 = 0x10;
const INT64 = 0x12;

/** What the types take that have one length. */
const LENGTHS: { readonly [type: number]: number } = {
  [DOUBLE]: 8,
  6: 0,
  7: 12,
  [BOOLEAN]: 1,
  [DATE]: 8,
  [NULL]: 0,
  [INT32]: 4,
  17: 8,
  [INT64]: 8,
  19: 16,
  127: 0,
  255: 0,
};

/** Where something lies in the bytes, and what. */
export interface Element {
  readonly type: number;
  readonly start: number;
}

/** The elements of a document. @throws CorruptRecordError */
export function elementsOf(bytes: Buffer): ReadonlyMap<string, Element> {
  return new Reader(bytes, 0).elements();
}

/** The elements of an object, where that is what lies there. @throws CorruptRecordError */
export function fieldsAt(bytes: Buffer, element: Element | undefined): ReadonlyMap<string, Element> | undefined {
  return element?.type === OBJECT ? new Reader(bytes, element.start).elements() : undefined;
}

/** Text, where that is what lies there. */
export function textAt(bytes: Buffer, element: Element | undefined): string | undefined {
  return element?.type === STRING ? new Reader(bytes, element.start).text() : undefined;
}

/** Milliseconds since the epoch, where there is a date. */
export function dateAt(bytes: Buffer, element: Element | undefined): number | undefined {
  return element?.type === DATE ? Number(bytes.readBigInt64LE(element.start)) : undefined;
}

export function isNull(element: Element | undefined): boolean {
  return element === undefined || element.type === NULL;
}

/** An object, where there is one; `exact` is false where a number was rounded, or became null. @throws CorruptRecordError */
export function objectAt(
  bytes: Buffer,
  element: Element | undefined,
): { readonly object: JsonObject; readonly exact: boolean } | undefined {
  if (element?.type !== OBJECT) return undefined;
  const reader = new Reader(bytes, element.start);
  return { object: reader.object(), exact: reader.exact };
}

/** An object as the driver is to send it again, to the last bit, where there is one. @throws CorruptRecordError */
export function copyAt(bytes: Buffer, element: Element | undefined): ReadonlyMap<string, unknown> | undefined {
  return element?.type === OBJECT ? new Reader(bytes, element.start).copy() : undefined;
}

class Reader {
  exact = true;
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  elements(): Map<string, Element> {
    const found = new Map<string, Element>();
    this.#at += 4;
    for (let type = this.#byte(); type !== 0; type = this.#byte()) {
      found.set(this.#name(), { type, start: this.#at });
      this.#skip(type);
    }
    return found;
  }

  object(): JsonObject {
    const object: { [name: string]: JsonValue } = {};
    this.#at += 4;
    for (let type = this.#byte(); type !== 0; type = this.#byte()) {
      const name = this.#name();
      const value = this.#value(type);
      // Assignment to it would set the prototype instead.
      if (name === "__proto__") {
        Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
      } else {
        object[name] = value;
      }
    }
    return object;
  }

  /** A map, since the names in it mean nothing to the driver. */
  copy(): Map<string, unknown> {
    const copy = new Map<string, unknown>();
    this.#at += 4;
    for (let type = this.#byte(); type !== 0; type = this.#byte()) copy.set(this.#name(), this.#copyOf(type));
    return copy;
  }

  text(): string {
    const length = this.#int32();
    const start = this.#at;
    this.#at += length;
    if (length < 1 || this.#at > this.#bytes.length) throw corrupt();
    return this.#decode(start, this.#at - 1);
  }

  #array(): JsonValue[] {
    const array: JsonValue[] = [];
    this.#at += 4;
    for (let type = this.#byte(); type !== 0; type = this.#byte()) {
      this.#at = this.#end() + 1;
      array.push(this.#value(type));
    }
    return array;
  }

  #value(type: number): JsonValue {
    switch (type) {
      case STRING:
        return this.text();
      case INT32:
        return this.#int32();
      case DOUBLE:
        return this.#double();
      case OBJECT:
        return this.object();
      case ARRAY:
        return this.#array();
      case BOOLEAN:
        return this.#byte() !== 0;
      case NULL:
        return null;
      case INT64:
        return this.#int64();
      default:
        throw new CorruptRecordError("the stored record holds a value of a type that JSON does not know");
    }
  }

  #copyOf(type: number): unknown {
    if (type === OBJECT) return this.copy();
    if (type === ARRAY) return [...this.copy().values()];
    if (type === INT32) return new BSON.Int32(this.#int32());
    const start = this.#at;
    if (type === DOUBLE || type === INT64) this.#at += 8;
    if (type === DOUBLE) return new BSON.Double(this.#bytes.readDoubleLE(start));
    return type === INT64 ? this.#bytes.readBigInt64LE(start) : this.#value(type);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw corrupt();
    return byte;
  }

  #int32(): number {
    const start = this.#at;
    this.#at += 4;
    if (this.#at > this.#bytes.length) throw corrupt();
    return this.#bytes.readInt32LE(start);
  }

  #int64(): number {
    const start = this.#at;
    this.#at += 8;
    if (this.#at > this.#bytes.length) throw corrupt();
    const integer = this.#bytes.readBigInt64LE(start);
    const nearest = Number(integer);
    if (BigInt(nearest) !== integer) this.exact = false;
    return nearest;
  }

  #double(): JsonValue {
    const start = this.#at;
    this.#at += 8;
    if (this.#at > this.#bytes.length) throw corrupt();
    const number = this.#bytes.readDoubleLE(start);
    if (Number.isFinite(number)) return number + 0;
    this.exact = false;
    return null;
  }

  /** Where the name that begins here ends. */
  #end(): number {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw corrupt();
    return end;
  }

  #name(): string {
    const start = this.#at;
    const end = this.#end();
    this.#at = end + 1;
    return this.#decode(start, end);
  }

  #decode(start: number, end: number): string {
    const text = this.#bytes.toString("utf8", start, end);
    if (text.includes("\ufffd") && !isUtf8(this.#bytes.subarray(start, end))) throw corrupt();
    return text;
  }

  #skip(type: number): void {
    const length = LENGTHS[type];
    if (length !== undefined) {
      this.#at += length;
    } else if (type === REGEXP) {
      this.#at = this.#end() + 1;
      this.#at = this.#end() + 1;
    } else {
      const start = this.#at;
      const stated = this.#int32();
      // Documents count themselves in; with binary goes a byte for its kind, with the old kind of reference an id.
      const isDocument = type === OBJECT || type === ARRAY || type === 15;
      this.#at = start + stated + (isDocument ? 0 : 4) + (type === BINARY ? 1 : 0) + (type === 12 ? 12 : 0);
    }
    if (this.#at > this.#bytes.length) throw corrupt();
  }
}

function corrupt(): CorruptRecordError {
  return new CorruptRecordError("the stored record cannot be decoded");
}
