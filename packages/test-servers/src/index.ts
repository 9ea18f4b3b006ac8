// Starts the real servers that the tests and the benchmarks of kv talk to.

export { type Child, runChild, runNode, until } from "./children.ts";
export type { Chromium } from "./chromium.ts";
export { type FolderRules, folderSuite } from "./folders/folder-suite.ts";
export { childrenIn, folderMaker } from "./folders/folders.ts";
export { type KilledOptions, killedSuite } from "./folders/killed-suite.ts";
export { longNamesSuite } from "./folders/names-suite.ts";
export { type FolderSuiteOptions, startFolderChild } from "./folders/options.ts";
export { type ReclaimingOptions, reclaimingSuite } from "./folders/reclaiming-suite.ts";
export { makeGolden } from "./golden.ts";
export { LossyProxy } from "./lossy-proxy.ts";
export { clockPast, listed, rejection } from "./promises.ts";
export { type Python, pythonEnvironment } from "./python.ts";
export { type PythonError, PythonNumber, PythonStore, type PythonStoreOptions, type Step } from "./python-store.ts";
export { type PythonSuiteOptions, pythonSuite } from "./python-suite.ts";
export { type Link, Relay } from "./relay.ts";
export type { Server } from "./server.ts";
export type { ElasticsearchOptions, ElasticsearchUser } from "./servers/elasticsearch.ts";
export type { ServerName } from "./servers/index.ts";
export type { RedisOptions } from "./servers/redis.ts";
export { type Started, startServer } from "./start.ts";
export {
  clientSuite,
  doEverything,
  listAndClear,
  optionsSuite,
  tlsSuite,
  urlSuite,
  usersSuite,
} from "./suites/access.ts";
export { formatSuite, type GoldenText } from "./suites/format.ts";
export { lostReplySuite, type Watched } from "./suites/lost-replies.ts";
export { outagesSuite } from "./suites/outages.ts";
export { endingSuite, exampleSuite, folderExampleSuite } from "./suites/processes.ts";
export { redisLikeSuite } from "./suites/redis-like.ts";
export { redisLikeExchangesSuite } from "./suites/redis-like-exchanges.ts";
export { redisLikePythonSuite } from "./suites/redis-like-python.ts";
export { storesOf } from "./suites/stores.ts";
export { chromiumFor, pythonFor, serverFor, shareServer, type TestRunner } from "./testing.ts";
export { Writers } from "./writers.ts";
