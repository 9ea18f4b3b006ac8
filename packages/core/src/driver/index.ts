/** For who writes a backend or a wrapper. */
export { stillWanted } from "../call.ts";
export { asKeyValueError } from "../errors.ts";
export { checkJson, cloneJson, copyJson, formatPath, type JsonObject, type JsonValue, stringifyJson } from "../json.ts";
export { expiryOf, timeoutOf } from "../record.ts";
export { newRevision } from "../revision.ts";
export { codeOf, isUnreached, noConnection } from "./connecting.ts";
export * from "./driver.ts";
export * from "./envelope.ts";
export * from "./folder/index.ts";
export { inTime, silent } from "./in-time.ts";
export {
  around,
  defineLayer,
  forward,
  type Interceptor,
  type Layer,
  type NameMap,
  names,
  type Subject,
  settle,
  settled,
  type ValueCodec,
  values,
} from "./layer.ts";
export * from "./names.ts";
export { observed, pause, whenCancelled } from "./observe.ts";
export * from "./redis-like/index.ts";
export { type Address, decodeUrlPart, parseAddress, parseLogin } from "./url.ts";
