/**
 * What a position's text says: an object, or null for the beginning. Also for a text that another version wrote in
 * another way.
 */
export function readPosition(text: string | null): object | null {
  if (text === null) return null;
  try {
    const position: unknown = JSON.parse(text);
    return typeof position === "object" ? position : null;
  } catch {
    return null;
  }
}
