/** The keys and values that all contenders are given: the same in each process, since nothing in them is random. */
import type { JsonObject } from "@kv/core";
import type { Entry } from "./contender.ts";

export type Size = "100 B" | "10 KB" | "1 MB";

export const KEYS = 1000;
/** Records of one batch. */
export const BATCH = 100;

interface Shape {
  /** What its keys begin with. */
  readonly prefix: string;
  readonly keys: number;
  /** Distinct values. A power of two, so that picking one costs the loop nothing. */
  readonly values: number;
  make(index: number): JsonObject;
}

const shapes: { readonly [size in Size]: Shape } = {
  "100 B": { prefix: "user", keys: KEYS, values: 64, make: user },
  "10 KB": { prefix: "order", keys: KEYS, values: 64, make: order },
  // As many as fit into memory many times over.
  "1 MB": { prefix: "archive", keys: 20, values: 4, make: archive },
};

/** Coprime to the number of keys: every key has its turn, in an order that is not that of their names. */
const STRIDE = 617;

export class Data {
  /** How many keys there are. */
  readonly count: number;
  readonly #prefix: string;
  readonly #keys: readonly string[];
  readonly #values: readonly JsonObject[];
  readonly #batches: readonly (readonly Entry[])[];
  readonly #batchKeys: readonly (readonly string[])[];

  constructor(size: Size) {
    const { prefix, keys, values, make } = shapes[size];
    this.count = keys;
    this.#prefix = prefix;
    this.#keys = Array.from({ length: keys }, (_, index) => `${prefix}:${100_000 + ((index * STRIDE) % keys)}`);
    this.#values = Array.from({ length: values }, (_, index) => make(index));
    this.#batches = Array.from({ length: keys / BATCH }, (_, batch) =>
      Array.from({ length: BATCH }, (_, place) => {
        const index = batch * BATCH + place;
        return { key: this.key(index), value: this.value(index) };
      }),
    );
    this.#batchKeys = this.#batches.map((batch) => batch.map(({ key }) => key));
  }

  /** The same for indices that are {@link count} apart. */
  key(index: number): string {
    return this.#keys[index % this.count] as string;
  }

  value(index: number): JsonObject {
    return this.#values[index & (this.#values.length - 1)] as JsonObject;
  }

  /** The keys of a batch. */
  keys(index: number): readonly string[] {
    return this.#batchKeys[index % this.#batchKeys.length] as readonly string[];
  }

  entries(index: number): readonly Entry[] {
    return this.#batches[index % this.#batches.length] as readonly Entry[];
  }

  /** A key that is never among those of {@link key}; another one for each index. */
  freshKey(index: number): string {
    return `${this.#prefix}-fresh:${index}`;
  }

  /** The key of a number. */
  counter(index: number): string {
    return `${this.#prefix}-counter:${index % KEYS}`;
  }

  /** The mean length of the values as JSON, in bytes. */
  get meanBytes(): number {
    const bytes = this.#values.map((value) => Buffer.byteLength(JSON.stringify(value)));
    return Math.round(bytes.reduce((sum, one) => sum + one, 0) / bytes.length);
  }

  /** For who cannot run this: a process of another language. */
  toJSON(): object {
    return { prefix: this.#prefix, keys: this.#keys, values: this.#values };
  }
}

const NAMES = ["Ada Lovelace", "Zoë Martin", "Grace Hopper", "Alan Turing", "José Silva", "Mary Jackson", "Ken Ito"];
const WORDS = "measured in rounds of equal length so that neither of them gains by what the machine does beside".split(
  " ",
);
const TAGS = ["fragile", "gift", "express", "bulk", "returned"];

/** About 100 bytes: a record as a session or a cache holds it. */
function user(index: number): JsonObject {
  return {
    id: 100_000 + index,
    name: pick(NAMES, index),
    email: `u${10 + index}@mail.com`,
    active: index % 3 !== 0,
    score: 40 + index / 8,
    tags: [pick(TAGS, index)],
  };
}

/** About 10 KB: a document with nested parts, numbers and running text. */
function order(index: number): JsonObject {
  return {
    id: `order-${100_000 + index}`,
    status: index % 2 === 0 ? "shipped" : "open",
    customer: {
      ...user(index),
      address: { street: `${index} High Street`, city: "Springfield", postcode: null },
    },
    note: text(index, 150),
    lines: Array.from({ length: 54 }, (_, line) => ({
      sku: `SKU-${10_000 + line * 37 + index}`,
      title: text(index + line, 8),
      quantity: 1 + (line % 5),
      price: { amount: (1999 + line * 250) / 100, currency: "EUR" },
      taxed: line % 4 !== 0,
      tags: [pick(TAGS, line), pick(TAGS, line + index + 1)],
    })),
    total: 4_321.5 + index,
  };
}

/** About 1 MB: a hundred documents in one. */
function archive(index: number): JsonObject {
  return { id: `archive-${index}`, orders: Array.from({ length: 100 }, (_, place) => order(index * 100 + place)) };
}

function text(start: number, words: number): string {
  return Array.from({ length: words }, (_, index) => pick(WORDS, start * 7 + index * 5)).join(" ");
}

function pick(from: readonly string[], index: number): string {
  return from[index % from.length] ?? "";
}
