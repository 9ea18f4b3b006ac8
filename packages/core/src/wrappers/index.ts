/** The wrappers, for `store.with(…)`. */
export { type CompressionAlgorithm, type CompressionOptions, compression } from "./compression.ts";
export { defaultValue } from "./default-value.ts";
export { type EncryptionKey, type EncryptionOptions, encryption, keyFromPassphrase } from "./encryption.ts";
export { type FernetEncryptionOptions, fernetEncryption, fernetKeyFromPassphrase } from "./fernet-encryption.ts";
export { type LimitSizeOptions, limitSize } from "./limit-size.ts";
export { prefixCollections } from "./prefix-collections.ts";
export { prefixKeys } from "./prefix-keys.ts";
export { type ReencryptOptions, type ReencryptProgress, reencrypt } from "./reencrypt.ts";
export { type RetryOptions, retry } from "./retry.ts";
export { singleCollection } from "./single-collection.ts";
