/**
 * A page of FTS5's inverted index: two 16-bit numbers (where the first row id stands that belongs to a term of an
 * earlier page, or 0; where the footer begins), terms with their lists, and in the footer where each term stands.
 */
export class Leaf {
  readonly bytes: Uint8Array;
  /** Where the footer begins. */
  readonly size: number;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.size = Math.min(number16(bytes, 2), bytes.length);
  }

  /** SQLite's: seven bits a byte, the highest first; all eight of the ninth. */
  varint(): number {
    const first = this.bytes[this.at] ?? 0;
    if (first < 128) {
      this.at += 1;
      return first;
    }
    let value = 0;
    for (let count = 0; count < 8; count++) {
      const byte = this.bytes[this.at++] ?? 0;
      if (byte < 128) return value * 128 + byte;
      value = value * 128 + (byte & 127);
    }
    return value * 256 + (this.bytes[this.at++] ?? 0);
  }

  /**
   * Moves to the list of the term; null when the page does not hold it, otherwise where the list ends or, when it is
   * the page's last, `size`. Terms are in order, each told by how much it shares with the one before it.
   */
  seek(term: Uint8Array): number | null {
    const { bytes, size } = this;
    let footer = size;
    let same = 0;
    let start = 0;
    const next = () => {
      this.at = footer;
      start += this.varint();
      footer = this.at;
      this.at = start;
    };
    while (footer < bytes.length) {
      const isFirst = footer === size;
      next();
      const shared = isFirst ? 0 : this.varint();
      if (shared < same) return null;
      // Like the one before it, it differs from the wanted one sooner.
      if (shared > same) continue;
      const own = this.varint();
      const matching = this.#matching(term, same, own);
      same += matching;
      if (same === term.length && matching === own) {
        const list = this.at + own;
        if (footer === bytes.length) {
          this.at = list;
          return size;
        }
        next();
        this.at = list;
        return start;
      }
      if (same === term.length || isGreater(this.bytes[this.at + matching], term[same], matching < own)) return null;
    }
    return null;
  }

  #matching(term: Uint8Array, from: number, most: number): number {
    const end = Math.min(most, term.length - from);
    let count = 0;
    while (count < end && this.bytes[this.at + count] === term[from + count]) count++;
    return count;
  }
}

function isGreater(found: number | undefined, wanted: number | undefined, differs: boolean): boolean {
  return differs && (found ?? 0) > (wanted ?? 0);
}

/** 0 = none. */
export function firstRowidAt({ bytes }: Leaf): number {
  return number16(bytes, 0);
}

/** null: the page is all of one list. */
export function firstTermAt({ bytes, size }: Leaf): number | null {
  if (size >= bytes.length) return null;
  const footer = new Leaf(bytes);
  footer.at = size;
  return footer.varint();
}

function number16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
