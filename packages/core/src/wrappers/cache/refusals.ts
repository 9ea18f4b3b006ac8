/** Which copies are not to be read, since something was written or cleared that they may not know of. */
import { isInScope, type RecordId, type Scope } from "../../driver/driver.ts";
import { recordName } from "../../record.ts";

export class Refusals {
  /** How long a copy lasts at most, in milliseconds. */
  readonly #ttl: number;
  /** Until when a copy must not have been made so that it is not read, by name; in the order of their ends, about. */
  readonly #records = new Map<string, number>();
  /** The same, of scopes that were cleared. */
  readonly #scopes = new Map<string, { readonly scope: Scope; readonly until: number }>();

  constructor(ttl: number) {
    this.#ttl = ttl;
  }

  /** From now on, copies of the record from before this moment are not read. */
  refuse(id: RecordId, until: number): void {
    const name = recordName(id);
    const latest = Math.max(until, this.#records.get(name) ?? 0);
    this.#records.delete(name);
    this.#records.set(name, latest);
    const now = Date.now();
    for (const [other, its] of this.#records) {
      // All copies from before have ended by then.
      if (its + this.#ttl > now) break;
      this.#records.delete(other);
    }
  }

  /** The same of all records in a scope. */
  refuseAll(scope: Scope, until: number): void {
    const now = Date.now();
    for (const [name, its] of this.#scopes) if (its.until + this.#ttl <= now) this.#scopes.delete(name);
    const name = JSON.stringify(scope);
    this.#scopes.set(name, { scope, until: Math.max(until, this.#scopes.get(name)?.until ?? 0) });
  }

  /** Until when a copy of the record must not have been made; 0 where any may be read. */
  until(id: RecordId): number {
    let latest = (this.#records.size > 0 && this.#records.get(recordName(id))) || 0;
    for (const { scope, until } of this.#scopes.values()) if (isInScope(id, scope)) latest = Math.max(latest, until);
    return latest;
  }
}
