// Where oidc-provider keeps its state here: in memory, and in a file from which the next process takes it over.
import { readFileSync, writeFileSync } from "node:fs";
import type { Adapter, AdapterPayload } from "oidc-provider";

interface Stored {
  readonly payload: AdapterPayload;
  /** In milliseconds since the epoch. */
  readonly expiresAt?: number | undefined;
}

export class FileStorage {
  readonly #file: string;
  readonly #records: Map<string, Stored>;

  constructor(file: string) {
    this.#file = file;
    this.#records = new Map(readJson(file));
  }

  adapterFor(model: string): Adapter {
    const nameOf = (id: string): string => `${model}:${id}`;
    const find = (fits: (payload: AdapterPayload) => boolean): AdapterPayload | undefined => {
      const names = [...this.#records.keys()].filter((name) => name.startsWith(`${model}:`));
      return names.map((name) => this.#live(name)).find((payload) => payload !== undefined && fits(payload));
    };
    return {
      upsert: async (id, payload, expiresIn) => {
        this.#records.set(nameOf(id), { payload, ...(expiresIn && { expiresAt: Date.now() + expiresIn * 1000 }) });
        this.#save();
      },
      find: async (id) => this.#live(nameOf(id)),
      findByUid: async (uid) => find((payload) => payload.uid === uid),
      findByUserCode: async (userCode) => find((payload) => payload.userCode === userCode),
      consume: async (id) => {
        const payload = this.#live(nameOf(id));
        if (payload) payload.consumed = Math.floor(Date.now() / 1000);
        this.#save();
      },
      destroy: async (id) => {
        this.#records.delete(nameOf(id));
        this.#save();
      },
      revokeByGrantId: async (grantId) => {
        for (const [name, { payload }] of this.#records) if (payload.grantId === grantId) this.#records.delete(name);
        this.#save();
      },
    };
  }

  #live(name: string): AdapterPayload | undefined {
    const { payload, expiresAt = Number.POSITIVE_INFINITY } = this.#records.get(name) ?? {};
    return expiresAt > Date.now() ? payload : undefined;
  }

  #save(): void {
    writeFileSync(this.#file, JSON.stringify([...this.#records]));
  }
}

function readJson(file: string): [string, Stored][] {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return [];
  }
}
