/** Why a figure on the page is what it is, where readers will ask. */
import type { Case } from "../cases.ts";
import type { BackendName, ContenderName } from "../contender.ts";
import type { GrowthBackend } from "../growth/growth.ts";
import type { Bend } from "../growth/report.ts";

const LIVE = "it keeps and hands out the live object, so that who changes what was read changes the store; kv copies";
const UNSYNCED = "its writes resolve before the disk has them; kv's wait for it";
const NODE_REDIS = "it runs over node-redis, which is faster than ioredis with many small calls at once";
const CALLBACKS = "LevelDB answers from its own memory, without waiting for the disk";

const TURNS =
  "one call at a time is mostly the scheduler's turns between client and server, which differ from process to process";
const TEXT =
  "it keeps a text of JSON in one field, which the server here, written in Python, need not take apart; kv keeps documents, as Python's library does, so that both read them";
const UNSEEN =
  "it deletes without a look, and says of a record that has expired that it was there; kv reads first whether it is live";

const ahead: { readonly [backend in BackendName]?: { readonly [name in ContenderName]?: string } } = {
  memory: { "cache-manager": LIVE, cacheable: LIVE },
  disk: {
    unstorage: UNSYNCED,
    bentocache: UNSYNCED,
    "classic-level": `${UNSYNCED}, ${CALLBACKS}`,
    "py-key-value": UNSYNCED,
  },
  redis: { keyv: NODE_REDIS, cacheable: NODE_REDIS, "cache-manager": NODE_REDIS, unstorage: TURNS, bentocache: TURNS },
  memcached: { keyv: TURNS },
  mongodb: { keyv: TEXT },
  elasticsearch: { "py-key-value": UNSEEN },
};

export function whyAhead(backend: BackendName, name: ContenderName): string {
  return ahead[backend]?.[name] ?? "not explained yet";
}

/** Why a target is missed; `undefined` where nothing is known but the noise. */
export function whyMissed(backend: BackendName, { operation, size, concurrency }: Case): string | undefined {
  switch (backend) {
    case "memory":
      return operation === "put" && size === "100 B" ? OBJECTS : undefined;
    case "redis":
    case "valkey":
      if (size === "100 B" && operation === "getMany(100)") return concurrency === 1 ? ENVELOPE : ENVELOPES;
      if (size === "100 B" && operation === "putMany(100)") return ENVELOPE_PUT;
      if (size === "100 B") return undefined;
      if (!operation.startsWith("get"))
        return backend === "valkey" && operation.startsWith("put") ? CHECKING : undefined;
      return backend === "valkey" ? OWN_THREADS : PARSING;
    case "rocksdb":
      return concurrency === 1 ? ROUND_TRIP : undefined;
    case "memcached":
      return concurrency === 1 ? SCHEDULER : undefined;
    case "mongodb":
      return NAMES;
    case "elasticsearch":
      return operation === "put" ? INDEXED : STAND_IN;
    case "dynamodb":
      return STAND_IN;
    default:
      return undefined;
  }
}

const OBJECTS =
  "By profile a fifth of the time goes into checking and copying the value, a sixth into collecting what was overwritten, a seventeenth into the revision. It would take values kept as text, and then a get would parse";
const ENVELOPE =
  "By profile a record of 250 B, in which a value of 100 B lies, is read in 0.81 µs (0.31 to take the value out, 0.50 to parse it), where the raw driver parses the value alone in 0.60, each a hundred times. The rest of the difference is the reply, two and a half times as long, the memory for it (the collector: 19 µs beside 10), and the EXISTS that goes with the MGET, by which a value of another type is told from none (10 of 370 µs). It would take a shorter stored format, which Python could not read";
const ENVELOPES =
  "64 batches at once are 6,400 records whose replies come together: by profile the collector takes 90 of kv's 354 µs to copy them, and 7 of the raw driver's 130, whose replies are less than half as long; the rest is as with one batch at a time. It would take a shorter stored format, which Python could not read";
const OWN_THREADS =
  "The client does its part in threads of its own, so that what kv does beside parsing, which is 41 of 59 µs of the raw driver, shows in full: 3 µs for the envelope, the deadline and the promises. Alternating runs of 1.5 s took 58.1 µs for a get and the raw driver 55.7 (0.96); of the processor 65.4 µs and 69.4, since kv sends together what is asked for in one turn. It would take calls without a deadline";
const INDEXED =
  "kv's documents have their names and times indexed, as those of Python's library, which enumerates by them; the raw driver's are only kept. The same document by hand through the client takes 1,295 µs where the raw driver's takes 1,203, with 64 callers 240 and 211; kv takes 1,455 and 233, since it sends each put as a bulk request, which several share. It would take an index by which nothing is enumerated";
const ENVELOPE_PUT =
  "By profile it takes 0.73 µs to make the text of a record, 0.49 µs of them JSON.stringify on the value, each a hundred times; the rest of the difference is that two and a half times as much is sent. It would take a shorter stored format, which Python could not read";
const PARSING =
  "By profile, of such gets left to run for 5 s, kv makes text of a reply and parses it in 48.7 µs and the raw driver in 48.3; kv waits for the server 2.5 µs longer, since it sends the requests of a turn together, which saves it 3 µs of writing; the 3 µs that are left belong to the call's deadline, its promises and the command. Alternating runs of 0.8 s took 70.7 µs for a get and the raw driver 67.8 (0.96), so that by the luck of the processes it is above the target in some runs and below in others. It would take calls without a deadline";
const CHECKING =
  "The client does its part in threads of its own, so that what kv does beside JSON.stringify, which is 33 of 47 µs of the raw driver, shows in full: by profile 5 µs for the check that the value is JSON, which on Redis goes unnoticed beside the client's own work, 1.5 µs for garbage, 2 µs for the call and the envelope. Both take as much processor time. It would take to store values unchecked";
const ROUND_TRIP =
  "One call at a time is a round trip to another thread, and of a put the disk's flush; both vary by more than what kv adds. Many at once share them. It would take reads on the program's own thread, which a slow disk would stop";
const SCHEDULER =
  "One call at a time over a socket is mostly the scheduler's turns between client and server, which differ from process to process; with 64 callers kv is at the target. The processor time beside is what the call's deadline, the envelope and the client's own reading of replies take";
const NAMES =
  "A record is found by its two names, as Python's are, whose `_id` means nothing; the raw driver finds its own by `_id`. What stands in for MongoDB here is written in Python, and takes its time for each part of a statement: the same put, written by hand for the driver and sent by 64 callers, takes 1,150 µs, by kv 1,144 µs, the raw driver's 521 µs; the same get 522, 494 and 321 µs. It would take an `_id` made of the names, by which Python's library does not look";
const STAND_IN = "The server needs most of the processor for itself, so that rounds differ by more than what kv adds";

/** Why a curve of growth bends. */
export function whyBent(backend: GrowthBackend, operation: Bend["operation"]): string {
  switch (backend) {
    case "memory":
      if (operation === "callers")
        return "one thread serves them all; what waits for its turn must be kept and collected";
      if (operation === "get" || operation === "put")
        return "keys and values no longer fit into the processor's caches";
      return "keys and values no longer fit into the processor's caches, and collecting the garbage takes its share";
    case "disk":
      if (operation === "put")
        return "each put waits for the disk, whose speed varies more than the tree's depth matters";
      if (operation === "callers") return "reads are answered at once, so that more callers only wait for each other";
      return "the tree is deeper and its pages no longer fit into the processor's caches";
    case "redis":
      if (operation === "callers") return "the server and the client are busy; more callers only wait for each other";
      if (operation === "get" || operation === "put")
        return "the scheduler's turns between client and server are most of the time";
      return "a reply to SCAN holds as many names as COUNT says, which small collections do not fill";
  }
}
