/** An element that no text comes of, as programs write it. Other spellings are parsed, to the same end. */
export interface PassedOver {
  /** How it begins: `<text:list-style `. */
  readonly start: string;
  readonly end: string;
}

/**
 * XML without the elements that begin and end within it: to look for their ends takes a tenth of the time that parsing
 * them takes, and they are the most of a file of styles.
 */
export function* withoutElements(xml: string, elements: readonly PassedOver[]): Generator<string> {
  const [first, ...others] = elements;
  if (first === undefined) {
    yield xml;
    return;
  }
  for (let from = 0; from < xml.length; ) {
    const start = xml.indexOf(first.start, from);
    const end = start === -1 ? -1 : endOf(xml, start, first.end);
    yield* withoutElements(xml.slice(from, end === -1 ? undefined : start), others);
    if (end === -1) return;
    from = end;
  }
}

/** -1: it has none. */
function endOf(xml: string, start: number, endTag: string): number {
  const tagEnd = xml.indexOf(">", start);
  if (tagEnd === -1 || xml.charAt(tagEnd - 1) === "/") return tagEnd === -1 ? -1 : tagEnd + 1;
  const end = xml.indexOf(endTag, tagEnd);
  return end === -1 ? -1 : end + endTag.length;
}
