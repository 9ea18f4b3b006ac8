/**
 * Records that `getOrSet` keeps beside the user's, in the same collection: so that no backend needs a right or an index
 * more, and clearing the collection clears them. Enumerations leave them out. The few keys of the user's that would meet
 * them lie under another name.
 */
const BESIDE = "@kv/get-or-set/";
const LEASE = `${BESIDE}lease/`;
const COPY = `${BESIDE}copy/`;
/** Before a key of the user's, whose own beginning is left away, that begins with one of these three. */
const ESCAPED = `${BESIDE}key/`;
const AT = 0x40;

/** Held by the process that calls the factory. */
export const leaseKey = (key: string): string => LEASE + key;

/** The value once more, to be had when the record has expired. */
export const copyKey = (key: string): string => COPY + key;

export const isBeside = (stored: string): boolean => stored.startsWith(LEASE) || stored.startsWith(COPY);

/** Where a key of the user's lies: under itself, but for those few. */
export function storedKey(key: string): string {
  // All operations ask, and hardly any key begins so.
  if (key.charCodeAt(0) !== AT || !(isBeside(key) || key.startsWith(ESCAPED))) return key;
  return ESCAPED + key.slice(BESIDE.length);
}

/** The user's key that lies under a name, or that a lease or a copy belongs to. */
export function userKey(stored: string): string {
  if (stored.charCodeAt(0) !== AT) return stored;
  if (stored.startsWith(ESCAPED)) return BESIDE + stored.slice(ESCAPED.length);
  return isBeside(stored) ? userKey(stored.slice(stored.indexOf("/", BESIDE.length) + 1)) : stored;
}

/** Whether a record of the user's lies there. */
export const isUsers = (stored: string): boolean =>
  stored.charCodeAt(0) !== AT || storedKey(userKey(stored)) === stored;

/** What all stored keys begin with whose user's keys begin with `prefix`. */
export const storedPrefix = (prefix: string): string => (prefix.startsWith(BESIDE) ? BESIDE : prefix);
