/**
 * Patterns that take more than linear time, where that does not matter because the text that they see is short. Others
 * are rewritten: text is parsed from left to right. The gate tries each with the worst text of that length, and wants
 * an entry gone when its pattern is.
 */
export interface Bounded {
  readonly path: string;
  /** As it is written: `/source/flags`. */
  readonly pattern: string;
  /** The longest text that it sees, in UTF-16 code units. */
  readonly chars: number;
  /** What sees to that. */
  readonly because: string;
}

export const BOUNDED: readonly Bounded[] = [];
