/** How lmdb-js is to read and write names. */
import type { Name } from "@kv/core/driver";

export const nameEncoder = {
  /** Answers with the position after the name. */
  writeKey(name: Name, target: Buffer, start: number): number {
    if (!Array.isArray(name)) {
      target.set(name, start);
      return start + name.length;
    }
    return writeText(name[1], target, writeText(name[0], target, start));
  },
  readKey(source: Buffer, start: number, end: number): Buffer {
    return Buffer.from(source.subarray(start, end));
  },
};

/** Most texts are short and in ASCII: then this is quicker than a call out of JavaScript. */
function writeText(text: string, target: Buffer, start: number): number {
  const { length } = text;
  if (length >= 64) return start + target.write(text, start, "utf8");
  for (let at = 0; at < length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x80) return start + target.write(text, start, "utf8");
    target[start + at] = unit;
  }
  return start + length;
}
