/** What the drivers of Redis-like servers share: all but the client library and its connection. */
export { RedisLikeDriver, type RedisLikeOptions } from "./driver.ts";
export { type Layout, layoutOf, type View } from "./layout.ts";
export type { Command, CommandReply, Link } from "./link.ts";
export { givenOptions, refuseClient } from "./options.ts";
export { refusal } from "./refusal.ts";
export { parseServerUrl, type ServerUrl } from "./url.ts";
