/** The Lua scripts, each one atomic exchange. `redis.pcall` hands the server's error replies on as they are. */
import { createHash } from "node:crypto";
import { AbortedError } from "../../errors.ts";
import type { Call } from "../driver.ts";
import type { CommandReply, Link } from "./link.ts";

export interface Script {
  readonly text: string;
  /** What EVALSHA calls it by. */
  readonly sha: string;
}

/** Runs a script: by its hash, by its text only where the server does not know it. */
export async function run(
  link: Link,
  script: Script,
  names: readonly string[],
  values: readonly string[],
  call: Call,
): Promise<unknown> {
  const rest = [`${names.length}`, ...names, ...values];
  try {
    return await link.send(["evalsha", script.sha, ...rest], call);
  } catch (error) {
    if (!isUnknown(error)) throw link.explain(error);
    if (call.ended) throw abandoned();
    return await link.send(["eval", script.text, ...rest], call).catch((reason: unknown) => {
      throw link.explain(reason);
    });
  }
}

/** The same with one name each, all in one exchange. */
export async function runEach(
  link: Link,
  script: Script,
  names: readonly string[],
  call: Call,
): Promise<readonly CommandReply[]> {
  const replies = await link.sendAll(
    names.map((name) => ["evalsha", script.sha, "1", name]),
    call,
  );
  const unknown = names.filter((_, at) => isUnknown(replies[at]));
  if (unknown.length === 0) return replies;
  if (call.ended) throw abandoned();
  const later = await link.sendAll(
    unknown.map((name) => ["eval", script.text, "1", name]),
    call,
  );
  const answers = new Map(unknown.map((name, at) => [name, later[at]]));
  return replies.map((reply, at) => answers.get(names[at] ?? "") ?? reply);
}

function isUnknown(reply: unknown): boolean {
  if (!(reply instanceof Error)) return false;
  return reply.message.startsWith("NOSCRIPT") || isUnknown(reply.cause);
}

export function abandoned(): AbortedError {
  return new AbortedError("the call had ended before its last request");
}

function script(text: string): Script {
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

/** What the text of each record of ours begins with. */
export const OURS = '{"revision": "';

/** What the text of each record of ours ends with, one or the other. */
const ENDS = ['"version": 1}', '"version": 1, "wrapped": true}'] as const;

/**
 * KEYS: the name. ARGV: what is expected (`absent`, the beginning of a text of ours, or the SHA-1 of another's); the
 * next text, or nothing to delete; its time to live in milliseconds, or nothing; the part of its text that tells when
 * it expires. Where the text before expires at the same moment, the server keeps its time to live, since this client's
 * clock may be another than that of who set it.
 * Reply: {1}, or {0, current text or nil}.
 */
export const SWAP = script(`
local current = redis.pcall('GET', KEYS[1])
if type(current) == 'table' then return current end
local expected, text, ttl, expiry = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local matches
if expected == 'absent' then matches = not current
elseif not current then matches = false
elseif string.sub(expected, 1, 1) == '{' then matches = string.sub(current, 1, #expected) == expected
else matches = redis.sha1hex(current) == expected end
if not matches then return {0, current} end
local done
if text == '' then done = redis.pcall('DEL', KEYS[1])
elseif ttl == '' then done = redis.pcall('SET', KEYS[1], text)
elseif current and string.find(current, expiry, 1, true) then done = redis.pcall('SET', KEYS[1], text, 'KEEPTTL')
else done = redis.pcall('SET', KEYS[1], text, 'PX', ttl) end
if type(done) == 'table' and done.err then return done end
return {1}
`);

/**
 * KEYS: the name. ARGV: two parts of the text that hold the collection and the key. Deletes a text that is a record of
 * ours, with its name and unabridged; leaves any other.
 * Reply: nil, or {1 if deleted else 0, text}.
 */
export const TAKE = script(`
local text = redis.pcall('GET', KEYS[1])
if type(text) ~= 'string' then return text end
local ours = string.sub(text, 1, ${OURS.length}) == '${OURS}'
  and string.find(text, ARGV[1], 1, true) and string.find(text, ARGV[2], 1, true)
  and (string.sub(text, -${ENDS[0].length}) == '${ENDS[0]}' or string.sub(text, -${ENDS[1].length}) == '${ENDS[1]}')
if not ours then return {0, text} end
local done = redis.pcall('DEL', KEYS[1])
if type(done) == 'table' then return done end
return {1, text}
`);

/**
 * KEYS: names. Deletes whatever is there.
 * Reply: for each name 0 (nothing), 1 (something), or the text of another program's record, which may have expired.
 */
export const DELETE = script(`
local answers = {}
for at, name in ipairs(KEYS) do
  local text = redis.pcall('GETRANGE', name, 0, ${OURS.length - 1})
  if type(text) == 'string' and text ~= '' and text ~= '${OURS}' then text = redis.pcall('GET', name) else text = false end
  local count = redis.pcall('DEL', name)
  if type(count) == 'table' then return count end
  answers[at] = type(text) == 'string' and text or count
end
return answers
`);
