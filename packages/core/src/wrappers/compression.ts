/** Values compressed where that makes them smaller. */
import { crc32 } from "node:zlib";
import { chain, isPromise, type MaybePromise } from "../driver/driver.ts";
import type { InexactNumbers } from "../driver/envelope.ts";
import { defineLayer, type Layer, type ValueCodec, values } from "../driver/layer.ts";
import { CorruptRecordError, IncompatibleFormatError, InvalidArgumentError, ValueTooLargeError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { type CompressionAlgorithm, compress, compressors, inflate, isTooLarge } from "./compressors.ts";
import { bytesOf, checkOptions } from "./options.ts";
import { checkNumbers, fromPythonJson, toPythonJson } from "./python-json.ts";

export type { CompressionAlgorithm };

export interface CompressionOptions {
  /** Values whose JSON has fewer bytes are stored as they are. Default: 1024. */
  readonly threshold?: number | undefined;
  /**
   * The most bytes of JSON that a record may inflate to when it is read; a larger value is refused when it is put.
   * Default: 64 MiB. At most 256 MiB.
   */
  readonly maxInflatedBytes?: number | undefined;
  /**
   * What compresses; all are read. Default: `"brotli"`, which is faster than gzip and which every supported Node.js has.
   * `"zstd"` is the fastest for large values, from Node.js 22.15 on: every process that reads the store needs it then.
   */
  readonly algorithm?: CompressionAlgorithm | undefined;
  /** gzip: 1 to 9, usually 6; brotli: 0 to 11, usually 3; zstd: 1 to 22, usually 3. */
  readonly level?: number | undefined;
  /** `"python"`: the stored form of py-key-value-aio's `CompressionWrapper`, which is gzip; its level is 1 then. */
  readonly format?: "kv" | "python" | undefined;
  /** With the format `"python"`: how numbers are read that JavaScript cannot hold. Default: `"error"`. */
  readonly numbers?: InexactNumbers | undefined;
}

/**
 * Compresses values. What was stored without the wrapper is read as it is. To be put on after `encryption`, that is
 * outside of it: what is encrypted does not compress.
 * @throws InvalidArgumentError also where this Node.js does not have the algorithm
 */
export function compression(options: CompressionOptions = {}): Layer {
  checkOptions(options, "compression");
  const { format = "kv", numbers = "error", threshold = 1024, maxInflatedBytes = 2 ** 26 } = options;
  if (format !== "kv" && format !== "python") throw new InvalidArgumentError('format must be "kv" or "python"');
  const python = format === "python";
  const { algorithm = python ? "gzip" : "brotli" } = options;
  const compressor = compressors.get(algorithm);
  if (compressor === undefined) {
    throw new InvalidArgumentError("algorithm must be one that this Node.js has: zstd (from 22.15 on), brotli or gzip");
  }
  if (python && algorithm !== "gzip") throw new InvalidArgumentError('the format "python" is gzip');
  const { least, usual, most } = compressor.levels;
  const { level = python ? 1 : usual } = options;
  if (!Number.isInteger(level) || level < least || level > most) {
    throw new InvalidArgumentError(`the level of ${algorithm} must be a whole number from ${least} to ${most}`);
  }
  bytesOf(threshold, "threshold", 0);
  const limit = bytesOf(maxInflatedBytes, "maxInflatedBytes", 1, LONGEST_TEXT);
  checkNumbers(numbers);

  const pack = (text: string): MaybePromise<Buffer> => compress(compressor, level, text);
  const plan: Plan = { threshold, limit, algorithm, pack };
  return defineLayer("compression", (inner) => values(inner, python ? pythonCodec(plan, numbers) : codec(plan)));
}

/** What a string may surely hold. */
const LONGEST_TEXT = 2 ** 28;

interface Plan {
  readonly threshold: number;
  readonly limit: number;
  readonly algorithm: CompressionAlgorithm;
  pack(text: string): MaybePromise<Buffer>;
}

/**
 * A compressed record: `{"compressed": "kv1", "algorithm": "brotli", "data": "kv1:…"}`, where data is base64 of the
 * CRC-32 of the JSON in UTF-8 (4 bytes, the highest first), then what the algorithm made of it.
 */
const MARK = "kv1";
const CRC_BYTES = 4;

function codec({ threshold, limit, algorithm, pack }: Plan): ValueCodec {
  return {
    encode(value) {
      const text = JSON.stringify(value);
      // What looks compressed is always compressed, or it would be taken for that when it is read.
      const must = isCompressed(value);
      const size = Buffer.byteLength(text);
      if (size < threshold && !must) return value;
      if (size > limit) throw new ValueTooLargeError(size, limit);
      return chain(pack(text), (bytes): JsonValue => {
        const crc = Buffer.alloc(CRC_BYTES);
        crc.writeUInt32BE(crc32(text));
        const data = `${MARK}:${Buffer.concat([crc, bytes]).toString("base64")}`;
        const stored = { compressed: MARK, algorithm, data };
        return must || JSON.stringify(stored).length < size ? stored : value;
      });
    },
    decode(stored) {
      if (!isCompressed(stored)) return stored;
      const { compressed, algorithm, data } = stored;
      if (compressed !== MARK || typeof data !== "string" || !data.startsWith(`${MARK}:`)) {
        throw new CorruptRecordError("the compressed record is not whole");
      }
      const bytes = Buffer.from(data.slice(MARK.length + 1), "base64");
      if (bytes.length < CRC_BYTES) throw new CorruptRecordError("the compressed record is cut short");
      return chain(unpack(algorithm, bytes.subarray(CRC_BYTES), limit), (inflated) => {
        if (crc32(inflated) !== bytes.readUInt32BE()) {
          throw new CorruptRecordError("the compressed record does not match its checksum");
        }
        return parse(inflated);
      });
    },
  };
}

/** Either of the two marks is enough: with one of them damaged it is no value of the user's. */
function isCompressed(value: JsonValue): value is JsonObject {
  if (typeof value !== "object" || value === null) return false;
  if ("compressed" in value && value.compressed === MARK) return true;
  return "data" in value && typeof value.data === "string" && value.data.startsWith(`${MARK}:`);
}

const DATA = "__compressed_data__";
const ALGORITHM = "__compression_algorithm__";
const VERSION = "__compression_version__";

/** Python's own form. gzip has a checksum of its own. */
function pythonCodec({ threshold, limit, pack }: Plan, numbers: InexactNumbers): ValueCodec {
  return {
    encode(value) {
      const text = toPythonJson(value);
      if (text.length < threshold && !isPythons(value)) return value;
      if (text.length > limit) throw new ValueTooLargeError(text.length, limit);
      return chain(pack(text), (bytes) => ({ [DATA]: bytes.toString("base64"), [ALGORITHM]: "gzip", [VERSION]: 1 }));
    },
    decode(stored) {
      if (!isPythons(stored)) return stored;
      const { [DATA]: data, [ALGORITHM]: algorithm, [VERSION]: version } = stored;
      if (typeof data !== "string" || algorithm !== "gzip" || version !== 1) {
        throw new CorruptRecordError("the compressed record is not whole, or of a version that is not known");
      }
      return chain(unpack("gzip", Buffer.from(data, "base64"), limit), (text) =>
        fromPythonJson(text.toString("utf8"), numbers),
      );
    },
  };
}

/** What Python takes for compressed, and what is so but for one damaged name. */
function isPythons(value: JsonValue): value is JsonObject {
  if (typeof value !== "object" || value === null) return false;
  return (DATA in value && typeof value[DATA] === "string") || (ALGORITHM in value && VERSION in value);
}

/** @throws CorruptRecordError, IncompatibleFormatError */
function unpack(algorithm: JsonValue | undefined, bytes: Buffer, limit: number): MaybePromise<Buffer> {
  const compressor = typeof algorithm === "string" ? compressors.get(algorithm) : undefined;
  if (compressor === undefined) {
    if (algorithm !== "zstd")
      throw new CorruptRecordError("the record was compressed by an algorithm that is not known");
    // The record is good: another Node.js reads it.
    const message = "the record was compressed by zstd, which Node.js has from 22.15 on";
    throw new IncompatibleFormatError(message, { outcome: "not-applied" });
  }
  const refuse = (error: unknown): never => {
    throw new CorruptRecordError(
      isTooLarge(error) ? `the record inflates to more than ${limit} bytes` : "the record cannot be inflated",
    );
  };
  try {
    const inflated = inflate(compressor, bytes, limit);
    return isPromise(inflated) ? inflated.catch(refuse) : inflated;
  } catch (error) {
    return refuse(error);
  }
}

function parse(inflated: Buffer): JsonValue {
  try {
    return JSON.parse(inflated.toString("utf8"));
  } catch {
    // Without the cause: a parser's error quotes the value.
    throw new CorruptRecordError("the record does not hold JSON");
  }
}
