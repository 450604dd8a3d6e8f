import type { Pattern } from "./patterns.ts";

/** What a worker is asked. `chars`: the bound on the text, when the pattern is listed with one. */
export interface Question {
  readonly pattern: Pattern;
  readonly chars: number | null;
}

export type Verdict =
  | { readonly kind: "linear" }
  | {
      readonly kind: "slow";
      /** "2nd degree polynomial", "exponential" … */
      readonly complexity: string;
      /** As JavaScript: an expression for a text that it takes long with. */
      readonly attack: string;
      /**
       * Processor time for the worst text of `chars`; null when no bound was given, Infinity when it came to no end.
       */
      readonly atBoundMs: number | null;
    }
  /** The checker came to no end, or does not know the syntax. */
  | { readonly kind: "unknown"; readonly why: string };
