/** What the drivers of stores in folders share: how names are written, what is read back, expiry, paths, room on the disk, and errors. */
export { CollectionWalk } from "./collection-walk.ts";
export { damagedFiles, folderError } from "./errors.ts";
export { expiryRow, parseExpiryRow } from "./expiry-rows.ts";
export { FreeSpace } from "./free-space.ts";
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
export { goesWith, parseStored } from "./stored.ts";
export { Sweeper } from "./sweeper.ts";
