/** In which chunks a term stands, by ascending row id, and its weighted number of occurrences in each. */
export interface Postings {
  readonly count: number;
  /** The first `count` tell. Ids are given once a chunk, from 1: they stay far below 2³². */
  readonly ids: Uint32Array;
  readonly frequencies: Uint16Array;
  /** Of each, where `places` has its positions: the page's number times PAGE_BYTES, and the place in it. */
  readonly at: Uint32Array;
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

/** What it takes in memory. */
export function postingsBytes({ ids, frequencies, at, places }: Postings): number {
  const entries = ids.byteLength + frequencies.byteLength + at.byteLength;
  return places.pages.reduce((sum, page) => sum + page.byteLength + OBJECT_BYTES, entries + OBJECT_BYTES);
}

/** An array and what it stands in. */
const OBJECT_BYTES = 256;

/** Which entry is the chunk's; -1: it is not in the list. */
export function entryOf({ ids, count }: Postings, id: number): number {
  const entry = firstFrom(ids, id, 0, count);
  return entry < count && ids[entry] === id ? entry : -1;
}

export function placeOf({ at, places }: Postings, entry: number): Place {
  const place = at[entry] ?? 0;
  const bytes = places.pages[Math.floor(place / PAGE_BYTES)];
  if (bytes === undefined) throw new Error("a list lacks a page");
  return { bytes, at: place % PAGE_BYTES };
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

/** FTS5's own pages have 4 050. */
export const PAGE_BYTES = 2 ** 13;

/** As if they were a term's. */
export function postingsOfIds(ids: readonly number[]): Postings {
  return {
    count: ids.length,
    ids: Uint32Array.from(ids).sort(),
    frequencies: new Uint16Array(ids.length).fill(1),
    at: new Uint32Array(ids.length),
    places: { pages: [] },
  };
}

/** Gathers the lists of one term from the oldest segment to the newest; of one chunk the newest entry holds. */
export class PostingList {
  #ids: Uint32Array;
  #frequencies: Uint16Array;
  #at: Uint32Array;
  readonly #pages: Uint8Array[] = [];
  #count = 0;
  #segmentStart = 0;
  #hasRemoved = false;

  /** `room`: for so many entries; more are more work. */
  constructor(room: number) {
    this.#ids = new Uint32Array(room);
    this.#frequencies = new Uint16Array(room);
    this.#at = new Uint32Array(room);
  }

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
    const count = this.#count;
    const isFull = count === this.#ids.length;
    return {
      count,
      ids: isFull ? this.#ids : this.#ids.slice(0, count),
      frequencies: isFull ? this.#frequencies : this.#frequencies.slice(0, count),
      at: isFull ? this.#at : this.#at.slice(0, count),
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
    const room = Math.max(LEAST_ROOM, 2 * this.#ids.length);
    const [ids, frequencies, at] = [this.#ids, this.#frequencies, this.#at];
    this.#ids = new Uint32Array(room);
    this.#ids.set(ids);
    this.#frequencies = new Uint16Array(room);
    this.#frequencies.set(frequencies);
    this.#at = new Uint32Array(room);
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

const LEAST_ROOM = 64;
/** More of one word in one chunk tells nothing more. */
const MOST_COUNTED = 0xffff;
