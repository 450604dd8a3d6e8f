/** Repeatable randomness (mulberry32): a seed gives the same cuts and the same bytes on every machine. */
export interface Random {
  /** Within [0, 1). */
  next(): number;
  /** A whole number within [from, to]. */
  integer(from: number, to: number): number;
  bytes(length: number): Buffer;
}

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next32 = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    next: () => next32() / 2 ** 32,
    integer: (from, to) => from + Math.floor((next32() / 2 ** 32) * (to - from + 1)),
    bytes(length) {
      const words = Buffer.alloc(Math.ceil(length / 4) * 4);
      for (let offset = 0; offset < words.length; offset += 4) words.writeUInt32LE(next32(), offset);
      return words.subarray(0, length);
    },
  };
}
