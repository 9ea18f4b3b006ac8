/** Which documents are about some words, and how much. */

export interface Ranked<D> {
  readonly document: D;
  readonly score: number;
}

interface Counted<D> {
  readonly document: D;
  readonly length: number;
  /** How often each word occurs; one in the title counts as ten. */
  readonly counts: ReadonlyMap<string, number>;
}

const TITLE_WEIGHT = 10;
/** How soon more of the same word stops to count, and how much a long document is held back. */
const [K1, B] = [1.2, 0.75];

/**
 * The documents with any of the words, best first.
 *
 * Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
 */
export function rank<D extends { readonly title: string; readonly text: string }>(
  words: readonly string[],
  documents: readonly D[],
): Ranked<D>[] {
  const counted = documents.map(count);
  const averageLength = counted.reduce((sum, { length }) => sum + length, 0) / counted.length;
  const rarities = new Map(
    words.map((word) => {
      const having = counted.filter(({ counts }) => counts.has(word)).length;
      return [word, Math.log(1 + (counted.length - having + 0.5) / (having + 0.5))] as const;
    }),
  );
  return counted
    .map(({ document, length, counts }) => {
      let score = 0;
      for (const [word, rarity] of rarities) {
        const times = counts.get(word) ?? 0;
        score += (rarity * times * (K1 + 1)) / (times + K1 * (1 - B + (B * length) / averageLength));
      }
      return { document, score };
    })
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score);
}

/** The words of a text, in lower case. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** The paragraph with most of the words, cut to a few lines. */
export function excerptOf(words: readonly string[], text: string): string {
  const wanted = new Set(words);
  let best = { found: -1, paragraph: "" };
  for (const paragraph of text.split(/\n\s*\n/)) {
    const found = new Set(wordsOf(paragraph).filter((word) => wanted.has(word))).size;
    if (found > best.found) best = { found, paragraph };
  }
  const excerpt = best.paragraph.trim();
  return excerpt.length <= 400 ? excerpt : `${excerpt.slice(0, 400).toWellFormed()} …`;
}

function count<D extends { readonly title: string; readonly text: string }>(document: D): Counted<D> {
  const words = wordsOf(document.text);
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  for (const word of wordsOf(document.title)) counts.set(word, (counts.get(word) ?? 0) + TITLE_WEIGHT);
  return { document, length: words.length, counts };
}
