/** In which chunks a term stands, by ascending row id, and its weighted number of occurrences in each. */
export interface Postings {
  readonly count: number;
  /** The first `count` tell. Ids are given once a chunk, from 1: they stay far below 2³². */
  readonly ids: Uint32Array;
  readonly frequencies: Uint16Array;
  /** Of each, where `places` has its positions. */
  readonly at: Float64Array;
  readonly places: Places;
}

/** The pages that a list was read from, to look at some positions again. */
export interface Places {
  readonly pages: readonly Uint8Array[];
}

/** One entry's positions, as FTS5 has them: their length in bytes, doubled, and then they. */
export interface Place {
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** null: the chunk is not in the list. */
export function placeIn({ ids, count, at, places }: Postings, id: number): Place | null {
  const index = firstFrom(ids, id, 0, count);
  if (index === count || ids[index] !== id) return null;
  const place = at[index] ?? 0;
  const bytes = places.pages[Math.floor(place / PAGE_BYTES)];
  return bytes === undefined ? null : { bytes, at: place % PAGE_BYTES };
}

/** Where in ascending `ids`, between `from` and `to`, those begin that are not below `id`. */
export function firstFrom(ids: Uint32Array, id: number, from: number, to: number): number {
  let low = from;
  for (let high = to; low < high; ) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] ?? 0) < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** FTS5's largest page. */
const PAGE_BYTES = 2 ** 16;

/** As if they were a term's. */
export function postingsOfIds(ids: readonly number[]): Postings {
  return {
    count: ids.length,
    ids: Uint32Array.from(ids).sort(),
    frequencies: new Uint16Array(ids.length).fill(1),
    at: new Float64Array(ids.length),
    places: { pages: [] },
  };
}

/** Gathers the lists of one term from the oldest segment to the newest; of one chunk the newest entry holds. */
export class PostingList {
  #ids = new Uint32Array(FIRST_ROOM);
  #frequencies = new Uint16Array(FIRST_ROOM);
  #at = new Float64Array(FIRST_ROOM);
  readonly #pages: Uint8Array[] = [];
  #count = 0;
  #segmentStart = 0;
  #hasRemoved = false;

  /** What is added next has its positions there. */
  page(bytes: Uint8Array): void {
    this.#pages.push(bytes);
  }

  /** `frequency`: 0 = the chunk no longer holds the term. `at`: of its positions, in the last page. */
  add(id: number, frequency: number, at: number): void {
    this.#put(id, Math.min(frequency, MOST_COUNTED), (this.#pages.length - 1) * PAGE_BYTES + at);
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
    return {
      count: this.#count,
      ids: this.#ids,
      frequencies: this.#frequencies,
      at: this.#at,
      places: { pages: this.#pages },
    };
  }

  #put(id: number, frequency: number, at: number): void {
    const index = this.#count;
    if (index === this.#ids.length) this.#grow();
    this.#ids[index] = id;
    this.#frequencies[index] = frequency;
    this.#at[index] = at;
    this.#count = index + 1;
    if (frequency === 0) this.#hasRemoved = true;
  }

  #idAt(index: number): number {
    return this.#ids[index] ?? 0;
  }

  #grow(): void {
    const [ids, frequencies, at] = [this.#ids, this.#frequencies, this.#at];
    this.#ids = new Uint32Array(ids.length * 4);
    this.#ids.set(ids);
    this.#frequencies = new Uint16Array(frequencies.length * 4);
    this.#frequencies.set(frequencies);
    this.#at = new Float64Array(at.length * 4);
    this.#at.set(at);
  }

  #merge(start: number): void {
    const end = this.#count;
    const [ids, frequencies, at] = [this.#ids.slice(0, end), this.#frequencies.slice(0, end), this.#at.slice(0, end)];
    let older = 0;
    let newer = start;
    this.#count = 0;
    while (older < start || newer < end) {
      const takesOlder = newer >= end || (older < start && (ids[older] ?? 0) < (ids[newer] ?? 0));
      if (!takesOlder && older < start && ids[older] === ids[newer]) older++;
      const from = takesOlder ? older++ : newer++;
      this.#put(ids[from] ?? 0, frequencies[from] ?? 0, at[from] ?? 0);
    }
  }

  #dropRemoved(): void {
    let kept = 0;
    for (let at = 0; at < this.#count; at++) {
      if (this.#frequencies[at] === 0) continue;
      this.#ids[kept] = this.#idAt(at);
      this.#frequencies[kept] = this.#frequencies[at] ?? 0;
      this.#at[kept] = this.#at[at] ?? 0;
      kept += 1;
    }
    this.#count = kept;
  }
}

const FIRST_ROOM = 256;
/** More of one word in one chunk tells nothing more. */
const MOST_COUNTED = 0xffff;
