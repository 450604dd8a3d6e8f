/** What the page and the worker that draws PDFs say to each other. */

export interface DrawRequest {
  readonly id: number;
  readonly fileId: string;
  /** The file, once: a worker keeps the last one. */
  readonly bytes: ArrayBuffer | null;
  /** From 1. */
  readonly page: number;
  /** In device pixels. */
  readonly width: number;
  readonly find: Wanted | null;
}

/** A passage of the page's text as the server gives it (contract §9), to be marked where it stands. */
export interface Wanted {
  /** The page's text up to the passage: of several places with the same words, it says which. */
  readonly before: string;
  readonly text: string;
  /** Ranges of `text`. */
  readonly words: readonly (readonly [start: number, end: number])[];
}

/** In shares of the page's width and height, 0 to 1, from the top left. */
export interface Mark {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly isWord: boolean;
}

export type DrawAnswer =
  | {
      readonly id: number;
      readonly pixels: ArrayBuffer;
      readonly width: number;
      readonly height: number;
      readonly pages: number;
      readonly marks: readonly Mark[];
    }
  | { readonly id: number; readonly says: string };
