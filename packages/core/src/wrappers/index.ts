/** The wrappers, for `store.with(…)`. */
export { type EncryptionKey, type EncryptionOptions, encryption, keyFromPassphrase } from "./encryption.ts";
export { type FernetEncryptionOptions, fernetEncryption, fernetKeyFromPassphrase } from "./fernet-encryption.ts";
export { prefixCollections } from "./prefix-collections.ts";
export { prefixKeys } from "./prefix-keys.ts";
export { type RetryOptions, retry } from "./retry.ts";
export { singleCollection } from "./single-collection.ts";
