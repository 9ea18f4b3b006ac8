/** Chapter "ttl": records that expire, and watching them do so. */
import type { Capability } from "../../../capabilities.ts";
import type { Duration } from "../../../record.ts";
import type { Collection } from "../../../store.ts";
import { ok } from "../../assertions.ts";
import type { Context } from "../../property.ts";
import { stamped, until } from "../../support.ts";

export const ms = (milliseconds: number): `${number}ms` => `${milliseconds}ms`;

/** A collection whose record "a" has expired; nothing has asked for it since it was put. */
export async function withExpired<C extends Capability>(
  { collection, settings }: Context<C>,
  put: (c: Collection<NoInfer<C>>, ttl: Duration) => Promise<unknown>,
): Promise<Collection<C>> {
  const c = collection();
  const ttl = 100 * settings.timeScale;
  const { after } = await stamped(() => put(c, ms(ttl)));
  await until(after + ttl);
  return c;
}

/** As {@link withExpired}, with the live record "b" beside it. */
export function expiredBesideLive<C extends Capability>(
  context: Context<C | "write">,
): Promise<Collection<C | "write">> {
  return withExpired(context, async (c, ttl) => {
    await c.put("b", { live: true });
    await c.put("a", { old: true }, { ttl });
  });
}

/** Reads on and on, each read judged by the stamps around it, until the record has gone. Whether it was seen at all. */
export async function watch(
  c: Collection<never>,
  key: string,
  from: number,
  to: number,
  what: string,
): Promise<boolean> {
  let seen = false;
  for (;;) {
    const { answer, before, after } = await stamped(() => c.get(key));
    if (answer === undefined) {
      ok(after >= from, `${what}: gone ${from - after} ms early`);
      return seen;
    }
    seen = true;
    ok(before < to, `${what}: still there ${before - to} ms after its time`);
    // Others wait as well: near the end at every turn, before it now and then.
    await until(Math.min(from - 10, Date.now() + 20));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Stores a record that lives so many milliseconds, and watches it until it has gone. Whether it was seen at all. */
export async function livesFor(
  c: Collection<never>,
  key: string,
  milliseconds: number,
  store: () => Promise<unknown>,
  what: string,
): Promise<boolean> {
  const { before, after } = await stamped(store);
  return watch(c, key, before + milliseconds, after + milliseconds, what);
}

/** When the record expires; `undefined` where it never does, and where there is none. */
export async function expiryOf(c: Collection<never>, key: string): Promise<Date | undefined> {
  return (await c.getEntry(key))?.expiresAt;
}
