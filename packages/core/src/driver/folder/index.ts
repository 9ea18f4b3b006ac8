/** What the drivers of stores in folders share: how records and their names are written, expiry, and errors. */
export { damagedFiles, folderError } from "./errors.ts";
export { absolutePath, parseFolderUrl } from "./location.ts";
export {
  after,
  afterCollection,
  bytesOf,
  type Name,
  type NameRange,
  nameOf,
  parseName,
  rangeOf,
} from "./names.ts";
export {
  decodeHeader,
  decodeRecord,
  encodeRecord,
  expiryRow,
  type Header,
  idOf,
  parseExpiryRow,
} from "./records.ts";
export { Sweeper } from "./sweeper.ts";
