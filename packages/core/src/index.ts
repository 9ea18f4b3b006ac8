/** The public surface of `@kv/core`. */
export type { CallOptions } from "./call.ts";
export type { Capabilities, CapabilitiesOf, Capability, Limits } from "./capabilities.ts";
export type { Driver, StoreEvent } from "./driver/driver.ts";
export type { Layer } from "./driver/layer.ts";
export {
  AbortedError,
  AccessDeniedError,
  BackendError,
  BackendNotInstalledError,
  BatchError,
  type BatchFailure,
  CorruptRecordError,
  DecryptionError,
  type ErrorCode,
  type ErrorDetails,
  IncompatibleFormatError,
  InexactNumberError,
  InvalidArgumentError,
  InvalidCounterError,
  InvalidNameError,
  InvalidTtlError,
  InvalidValueError,
  KeyValueError,
  type Outcome,
  SchemaError,
  type SchemaIssue,
  StorageFullError,
  StoreClosedError,
  StoreUnavailableError,
  TimeoutError,
  UnsupportedOperationError,
  ValueTooLargeError,
} from "./errors.ts";
export type { Jsonable, JsonObject, JsonPrimitive, JsonValue } from "./json.ts";
export { openStore } from "./open.ts";
export type { Backend, OpenOptions } from "./open-store.ts";
export type { Factory, GetOrSetOptions, IncrementOptions, PutEntry, PutOptions, UpdateOptions } from "./options.ts";
export type { Duration, Entry, Expiry, Revision } from "./record.ts";
export type { Schema, SchemaResult } from "./schema.ts";
export { Collection, createStore, KeyValueStore, type ListOptions, type StoreOptions } from "./store.ts";
