/** The algorithms of Node.js' zlib under one face: small texts at once, since that is quicker, large ones off the event loop. */
import * as zlib from "node:zlib";
import type { MaybePromise } from "../driver/driver.ts";

export type CompressionAlgorithm = "zstd" | "brotli" | "gzip";

type Options = zlib.ZlibOptions | zlib.BrotliOptions;
type Now = (bytes: Uint8Array, options: Options) => Buffer;
type Later = (bytes: Uint8Array, options: Options, done: (error: Error | null, result: Buffer) => void) => void;

interface Compressor {
  readonly levels: { readonly least: number; readonly usual: number; readonly most: number };
  readonly options: (level: number, size: number) => Options;
  readonly compress: readonly [now: Now, later: Later];
  readonly inflate: readonly [now: Now, later: Later];
}

const { constants } = zlib;

/** What Node.js has from 22.15 and 23.8 on, and its types here do not know. */
interface Zstd {
  readonly zstdCompressSync: Now;
  readonly zstdCompress: Later;
  readonly zstdDecompressSync: Now;
  readonly zstdDecompress: Later;
  readonly constants: { readonly ZSTD_c_compressionLevel: number };
}

function hasZstd(module: object): module is Zstd {
  return "zstdCompressSync" in module && "zstdDecompressSync" in module;
}

/** By the name under which records tell of them. The usual levels: measured on JSON, where the next one gains little. */
export const compressors: ReadonlyMap<string, Compressor> = new Map<CompressionAlgorithm, Compressor>([
  [
    "brotli",
    {
      levels: { least: 0, usual: 3, most: 11 },
      options: (level, size) => ({
        params: { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_SIZE_HINT]: size },
      }),
      compress: [zlib.brotliCompressSync, zlib.brotliCompress],
      inflate: [zlib.brotliDecompressSync, zlib.brotliDecompress],
    },
  ],
  [
    "gzip",
    {
      levels: { least: 1, usual: 6, most: 9 },
      options: (level) => ({ level }),
      compress: [zlib.gzipSync, zlib.gzip],
      inflate: [zlib.gunzipSync, zlib.gunzip],
    },
  ],
  ...(hasZstd(zlib) ? [zstd(zlib)] : []),
]);

function zstd(module: Zstd): [CompressionAlgorithm, Compressor] {
  const level = module.constants.ZSTD_c_compressionLevel;
  return [
    "zstd",
    {
      levels: { least: 1, usual: 3, most: 22 },
      options: (wanted) => ({ params: { [level]: wanted } }),
      compress: [module.zstdCompressSync, module.zstdCompress],
      inflate: [module.zstdDecompressSync, module.zstdDecompress],
    },
  ];
}

/** Up to here it takes about a tenth of a millisecond, as long as to hand it to another thread and back. */
const AT_ONCE_BYTES = 16_384;
/** What is that small when compressed may be large; beyond this it is begun again on another thread. */
const INFLATED_AT_ONCE_BYTES = 65_536;

export function compress({ compress, options }: Compressor, level: number, text: string): MaybePromise<Buffer> {
  const bytes = Buffer.from(text);
  const [now, later] = compress;
  const chosen = options(level, bytes.length);
  return bytes.length <= AT_ONCE_BYTES ? now(bytes, chosen) : onThread(later, bytes, chosen);
}

/** The bytes; throws or rejects with {@link isTooLarge} where there would be more than `most`, or otherwise. */
export function inflate({ inflate }: Compressor, bytes: Uint8Array, most: number): MaybePromise<Buffer> {
  const [now, later] = inflate;
  if (bytes.length <= AT_ONCE_BYTES) {
    const limit = Math.min(most, INFLATED_AT_ONCE_BYTES);
    try {
      return now(bytes, { maxOutputLength: limit });
    } catch (error) {
      if (!isTooLarge(error) || limit === most) throw error;
    }
  }
  return onThread(later, bytes, { maxOutputLength: most });
}

export function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}

function onThread(run: Later, bytes: Uint8Array, options: Options): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    run(bytes, options, (error, result) => (error ? reject(error) : resolve(result)));
  });
}
