/** A word of a query: what is looked up, and how the client spelled it. */
export interface QueryTerm {
  readonly term: string;
  /** Its first spelling. */
  readonly spelled: string;
  /**
   * How often the query says it, at most three times: what is said twice is meant more. Of an identifier: how many
   * pieces it has. Less than 1: a spelling that may mean something else.
   */
  readonly weight: number;
  /**
   * Terms that this one is another spelling of: a chunk gains by the better of the two. Empty = it counts by itself.
   */
  readonly insteadOf: readonly string[];
}

/** Words that the query wants next to each other, in this order. */
export interface QueryPhrase {
  /** Terms as they stand in a text, stop words too; at least two. */
  readonly words: readonly string[];
  /** Those of them that tell something: what is looked up for it. */
  readonly telling: readonly string[];
  /** The pieces as one term, which a text that spells them without a gap holds; null where the query has gaps. */
  readonly joined: string | null;
  readonly weight: number;
  /** Another spelling of one word: what holds its words is found by the phrase alone, where they stand together. */
  readonly isOtherSpelling: boolean;
}

export interface Query {
  /** Distinct, in the query's order. A chunk matches when it holds one. */
  readonly terms: readonly QueryTerm[];
  /** Neighbours as one word: they count as terms where a chunk holds them. */
  readonly joined: readonly QueryTerm[];
  /** In quotes, or written without a space: they add to a score and never exclude. */
  readonly phrases: readonly QueryPhrase[];
  /** Neighbouring words, with the stop words between them. They tell a little: their weight stands for an idf. */
  readonly pairs: readonly QueryPhrase[];
  /** All words, space-joined, stop words too; null when it is one word, which ranks by itself. */
  readonly verbatim: string | null;
  /** The term of a title that says just this; "" = no words. */
  readonly whole: string;
}
