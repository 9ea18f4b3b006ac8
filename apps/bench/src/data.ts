/** The keys and values that all contenders are given: the same in each process, since nothing in them is random. */
import type { JsonObject } from "@kv/core";

export type Size = "100 B" | "10 KB";

export const KEYS = 1000;
/** A power of two, so that picking one costs the loop nothing. */
export const VALUES = 64;

/** Coprime to the number of keys: every key has its turn, in an order that is not that of their names. */
const STRIDE = 617;

export class Data {
  readonly #keys: readonly string[];
  readonly #values: readonly JsonObject[];

  constructor(size: Size) {
    const [prefix, make] = size === "100 B" ? ["user", user] : ["order", order];
    this.#keys = Array.from({ length: KEYS }, (_, index) => `${prefix}:${100_000 + ((index * STRIDE) % KEYS)}`);
    this.#values = Array.from({ length: VALUES }, (_, index) => make(index));
  }

  /** The same for indices that are {@link KEYS} apart. */
  key(index: number): string {
    return this.#keys[index % KEYS] as string;
  }

  /** The same for indices that are {@link VALUES} apart. */
  value(index: number): JsonObject {
    return this.#values[index & (VALUES - 1)] as JsonObject;
  }

  /** The mean length of the values as JSON, in bytes. */
  get meanBytes(): number {
    const bytes = this.#values.map((value) => Buffer.byteLength(JSON.stringify(value)));
    return Math.round(bytes.reduce((sum, one) => sum + one, 0) / bytes.length);
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

function text(start: number, words: number): string {
  return Array.from({ length: words }, (_, index) => pick(WORDS, start * 7 + index * 5)).join(" ");
}

function pick(from: readonly string[], index: number): string {
  return from[index % from.length] ?? "";
}
