/** What the drivers of Redis-like servers share: all but the client library and its connection. */
export { type CommandReply, RedisLikeDriver, type RedisLikeOptions } from "./driver.ts";
export { refusal } from "./refusal.ts";
