/**
 * What lies in the folder: `data.mdb` and `lock.mdb` of lmdb, of owner-only permissions. In lmdb's main database the key
 * `format` holds {@link FORMAT} in ASCII, beside two databases:
 *
 * - `records`, with lmdb's versions: a name and its record, as core's driver/folder/names.ts and records.ts have them. The
 *   version is a whole random number, made anew for each write.
 * - `expiry`: for each record that expires the six bytes of its time and its name. The values are empty.
 *
 * Every version of this layout is read for ever: a change makes a new number.
 */
export const FORMAT = "kv-disk 1";

/** Above 16 MiB lmdb hands out its memory instead of a copy. In bytes, with the header. */
export const LARGEST_RECORD = 16_000_000;
