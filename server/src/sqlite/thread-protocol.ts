/** What the main thread and a database thread say to each other: structured-clone data. */

export interface Call {
  readonly id: number;
  readonly method: string;
  readonly input: unknown;
}

export type Answer =
  | { readonly id: number; readonly output: unknown }
  | {
      readonly id: number;
      /** An error, taken apart: classes do not cross. `code` is the error catalogue's, when it has one. */
      readonly failure: {
        readonly name: string;
        readonly message: string;
        readonly code: string | null;
        readonly stack: string;
      };
    };

export type ToThread = { readonly kind: "calls"; readonly calls: readonly Call[] } | { readonly kind: "close" };

export type FromThread =
  | { readonly kind: "ready" }
  /** `tookMs`: how long the thread worked on them; only a writing thread says it. */
  | { readonly kind: "answers"; readonly answers: readonly Answer[]; readonly tookMs: number | null }
  /** The thread cannot go on and said why: nothing unanswered was done. */
  | { readonly kind: "fatal"; readonly message: string };
