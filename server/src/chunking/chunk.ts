/** A passage of one page. */
export interface Chunk {
  /** UTF-16 code units of the page's text, end exclusive; `text` is exactly that range. */
  readonly charStart: number;
  readonly charEnd: number;
  readonly text: string;
}
