/** Durations counted in buckets of growing width: percentiles at a fixed cost in memory and time. */

/** Of the width of a bucket by its lower bound: an eighth, so that the middle is at most 6.25 % off. */
const SUB_BUCKETS = 8;
/** Powers of two from 8 µs on: up to 2^27 µs, more than two minutes; what is longer counts as that. */
const OCTAVES = 24;
const BUCKETS = SUB_BUCKETS * (OCTAVES + 1);

/** Of milliseconds. */
export class Histogram {
  /** No integers of 32 bits, which a busy program would overflow in a day. */
  readonly #buckets = new Float64Array(BUCKETS);
  count = 0;
  #sum = 0;
  #max = 0;

  add(milliseconds: number): void {
    this.count++;
    this.#sum += milliseconds;
    if (milliseconds > this.#max) this.#max = milliseconds;
    const index = bucketOf(milliseconds * 1000);
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
  }

  merge(other: Histogram): void {
    this.count += other.count;
    this.#sum += other.#sum;
    this.#max = Math.max(this.#max, other.#max);
    for (let index = 0; index < BUCKETS; index++) {
      this.#buckets[index] = (this.#buckets[index] ?? 0) + (other.#buckets[index] ?? 0);
    }
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.#sum / this.count;
  }

  get max(): number {
    return this.#max;
  }

  /** The value that this share of all does not exceed, to about 6 %; 0 where there is none. */
  percentile(share: number): number {
    const wanted = Math.max(1, Math.ceil(this.count * share));
    let seen = 0;
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#buckets[index] ?? 0;
      if (seen >= wanted) return Math.min(this.#max, middleOf(index) / 1000);
    }
    return this.#max;
  }
}

/** Below 8 µs a bucket for each microsecond, then eight for each power of two. */
function bucketOf(microseconds: number): number {
  if (!(microseconds >= SUB_BUCKETS)) return Math.max(0, Math.trunc(microseconds) || 0);
  if (microseconds >= SUB_BUCKETS * 2 ** OCTAVES) return BUCKETS - 1;
  const whole = Math.trunc(microseconds);
  const octave = 28 - Math.clz32(whole);
  return SUB_BUCKETS * (octave + 1) + ((whole >> octave) - SUB_BUCKETS);
}

function middleOf(index: number): number {
  if (index < SUB_BUCKETS) return index + 0.5;
  const octave = Math.floor(index / SUB_BUCKETS) - 1;
  return ((index % SUB_BUCKETS) + SUB_BUCKETS + 0.5) * 2 ** octave;
}
