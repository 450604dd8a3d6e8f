/** In which chunks a term stands, by ascending row id, and its weighted number of occurrences in each. */
export interface Postings {
  readonly count: number;
  /** The first `count` tell. Ids are given once a chunk, from 1: they stay far below 2³². */
  readonly ids: Uint32Array;
  readonly frequencies: Uint16Array;
}

/** As if they were a term's. */
export function postingsOfIds(ids: readonly number[]): Postings {
  return { count: ids.length, ids: Uint32Array.from(ids).sort(), frequencies: new Uint16Array(ids.length).fill(1) };
}

/** Gathers the lists of one term from the oldest segment to the newest; of one chunk the newest entry holds. */
export class PostingList {
  #ids = new Uint32Array(256);
  #frequencies = new Uint16Array(256);
  #count = 0;
  #segmentStart = 0;
  #hasRemoved = false;

  /** `frequency`: 0 = the chunk no longer holds the term. */
  add(id: number, frequency: number): void {
    if (this.#count === this.#ids.length) this.#grow();
    this.#ids[this.#count] = id;
    this.#frequencies[this.#count] = Math.min(frequency, MOST_COUNTED);
    this.#count += 1;
    if (frequency === 0) this.#hasRemoved = true;
  }

  beginSegment(): void {
    this.#segmentStart = this.#count;
  }

  /** Mostly a newer segment holds newer chunks: its list just follows. */
  endSegment(): void {
    const start = this.#segmentStart;
    const isBehind = start === 0 || start === this.#count || this.#idAt(start) > this.#idAt(start - 1);
    if (!isBehind) this.#merge(start);
  }

  finish(): Postings {
    if (this.#hasRemoved) this.#dropRemoved();
    return { count: this.#count, ids: this.#ids, frequencies: this.#frequencies };
  }

  #idAt(index: number): number {
    return this.#ids[index] ?? 0;
  }

  #grow(): void {
    const [ids, frequencies] = [this.#ids, this.#frequencies];
    this.#ids = new Uint32Array(ids.length * 4);
    this.#ids.set(ids);
    this.#frequencies = new Uint16Array(frequencies.length * 4);
    this.#frequencies.set(frequencies);
  }

  #merge(start: number): void {
    const [ids, frequencies] = [this.#ids.slice(0, this.#count), this.#frequencies.slice(0, this.#count)];
    let older = 0;
    let newer = start;
    const end = this.#count;
    this.#count = 0;
    while (older < start || newer < end) {
      const takesOlder = newer >= end || (older < start && (ids[older] ?? 0) < (ids[newer] ?? 0));
      if (!takesOlder && older < start && ids[older] === ids[newer]) older++;
      const from = takesOlder ? older++ : newer++;
      this.add(ids[from] ?? 0, frequencies[from] ?? 0);
    }
  }

  #dropRemoved(): void {
    let kept = 0;
    for (let at = 0; at < this.#count; at++) {
      if (this.#frequencies[at] === 0) continue;
      this.#ids[kept] = this.#idAt(at);
      this.#frequencies[kept] = this.#frequencies[at] ?? 0;
      kept += 1;
    }
    this.#count = kept;
  }
}

/** More of one word in one chunk tells nothing more. */
const MOST_COUNTED = 0xffff;
