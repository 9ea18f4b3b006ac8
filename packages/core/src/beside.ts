/**
 * Records that `getOrSet` keeps beside the user's, in the same collection: so that no backend needs a right or an index
 * more, and clearing the collection clears them. Enumerations leave them out.
 */
const BESIDE = "@kv/get-or-set/";

/** Held by the process that calls the factory. */
export const leaseKey = (key: string): string => `${BESIDE}lease/${key}`;

/** The value once more, to be had when the record has expired. */
export const copyKey = (key: string): string => `${BESIDE}copy/${key}`;

export const isBeside = (key: string): boolean => key.startsWith(BESIDE);

/** The user's key that such a record belongs to; of any other record its own. */
export const userKey = (key: string): string => (isBeside(key) ? key.slice(key.indexOf("/", BESIDE.length) + 1) : key);
