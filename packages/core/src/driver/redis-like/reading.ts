/** The texts under many names at once: by MGET, or in a cluster, where that takes names of one slot only, by a GET each. */
import { CorruptRecordError } from "../../errors.ts";
import type { Call, Settled } from "../driver.ts";
import { settled } from "../layer.ts";
import type { Link } from "./link.ts";
import type { Replies } from "./replies.ts";
import { abandoned } from "./scripts.ts";

export interface Reading {
  readonly link: Link;
  readonly replies: Replies;
  readonly call: Call;
}

/** An error in the place of what is no text. */
export function readStrictly(reading: Reading, names: readonly string[]): Promise<readonly Settled<string | null>[]> {
  return reading.link.isCluster ? readEach(reading, names) : readTogether(reading, names);
}

/** Nothing in the place of what is no text. Rejects where one name cannot be read. */
export async function readLoosely(reading: Reading, names: readonly string[]): Promise<readonly (string | null)[]> {
  const { link, replies, call } = reading;
  if (!link.isCluster) {
    const texts = await link.send(["mget", ...names], call).catch((error: unknown) => {
      throw link.explain(error);
    });
    return replies.texts(texts, names.length);
  }
  return (await readEach(reading, names)).map((text) => {
    if (text instanceof CorruptRecordError) return null;
    if (text instanceof Error) throw text;
    return text;
  });
}

async function readEach({ link, replies, call }: Reading, names: readonly string[]) {
  const answers = await link.sendAll(
    names.map((name) => ["get", name]),
    call,
  );
  return answers.map((text) => settled(() => replies.text(text)));
}

async function readTogether({ link, replies, call }: Reading, names: readonly string[]) {
  // MGET answers nil for a value of another type as well: what EXISTS counts beyond that has to be looked at.
  const [found, count] = await link.sendAll(
    [
      ["mget", ...names],
      ["exists", ...names],
    ],
    call,
  );
  const texts = replies.texts(found, names.length);
  const existing = replies.number(count);
  const missing = names.filter((_, at) => texts[at] === null);
  if (names.length - missing.length >= existing) return texts;
  if (call.ended) throw abandoned();
  const types = await link.sendAll(
    missing.map((name) => ["type", name]),
    call,
  );
  const wrong = new Set(missing.filter((_, at) => types[at] !== "none" && types[at] !== "string"));
  return texts.map((text, at) =>
    wrong.has(names[at] ?? "") ? new CorruptRecordError("what lies there is of another type than a record") : text,
  );
}
