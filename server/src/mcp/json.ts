/** Bytes of the value as JSON in UTF-8. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? "");
}

/** The beginning of a text that takes at most so many bytes within a JSON string, never half a character. */
export function cutToBytes(text: string, maxBytes: number): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += jsonBytes(character) - 2;
    if (bytes > maxBytes) return text.slice(0, end);
    end += character.length;
  }
  return text;
}

/** A label of somebody else's, cut with a mark that it goes on. */
export function shortened(text: string, maxBytes: number): string {
  const cut = cutToBytes(text, maxBytes);
  return cut.length === text.length ? text : `${cutToBytes(text, maxBytes - 3)}…`;
}

/**
 * How much each may take when all together have `bytes`: small ones what they want, the others equal parts of the
 * rest. Pure.
 */
export function shareOut(wanted: readonly number[], bytes: number): readonly number[] {
  const shares = wanted.map(() => 0);
  let left = bytes;
  const smallestFirst = wanted.map((_, place) => place).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  for (const [done, place] of smallestFirst.entries()) {
    const share = Math.min(wanted[place] ?? 0, Math.max(0, Math.floor(left / (wanted.length - done))));
    shares[place] = share;
    left -= share;
  }
  return shares;
}
