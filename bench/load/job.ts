/**
 * What a load client does: `count` units by `callers` at once, each caller one after another over a kept connection.
 */
export interface Job {
  /** Base without `/v1`. */
  readonly url: string;
  readonly key: string;
  readonly callers: number;
  readonly count: number;
  readonly unit: Unit;
}

export type Unit =
  /** One session. Names: its id. */
  | { readonly kind: "create" }
  /** One PUT of random bytes into a session that was made beforehand. Names: the session's id. */
  | { readonly kind: "put"; readonly bytes: number }
  /**
   * Sessions that hold all their bytes are made beforehand; then one finalize each. `noise`: no text, so that nobody
   * reads it long. Names: the file's id.
   */
  | { readonly kind: "finalize"; readonly bytes: number; readonly noise?: boolean }
  /** Create, PUT and finalize of a text. Names: the file's id. */
  | { readonly kind: "cycle"; readonly bytes: number }
  /** The same with this file, and then until it is indexed (or failed). Names: `<file id> <state>`. */
  | { readonly kind: "index"; readonly files: readonly Document[] }
  /** The same, timed from the finalize's answer. */
  | { readonly kind: "searchable"; readonly files: readonly Document[] }
  /** One look at each file. */
  | { readonly kind: "poll"; readonly ids: readonly string[] }
  /** One GET an address: path and query. */
  | { readonly kind: "get"; readonly paths: readonly string[] }
  /** Gives each file another title. */
  | { readonly kind: "patch"; readonly ids: readonly string[] }
  /** One search a body. Names: the file names of the results in their order, joined by spaces. */
  | { readonly kind: "search"; readonly bodies: readonly Readonly<Record<string, unknown>>[] }
  /** Gives these sessions up. */
  | { readonly kind: "cancel"; readonly ids: readonly string[] };

export interface Document {
  readonly path: string;
  readonly filename: string;
  readonly title: string;
  readonly contentType: string;
  readonly bucket: string;
}
