/** What the drivers of stores in folders share: how names are written, expiry, paths, and errors. */
export { damagedFiles, folderError } from "./errors.ts";
export { expiryRow, parseExpiryRow } from "./expiry-rows.ts";
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
export { Sweeper } from "./sweeper.ts";
