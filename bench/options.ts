import { parseArgs } from "node:util";

/** The command line of `npm run bench -- [row …] [folder] [flags]`. */
export interface Options {
  /** Rows to take; empty = all. */
  readonly names: readonly string[];
  /** Each figure is the median of so many runs. */
  readonly rounds: number;
  /** `growth`, `many-files`, `start`: files seeded into the catalogue. */
  readonly files: number;
  /** `search`: chunks indexed before the queries. */
  readonly chunks: number;
  /** `memory`: uploads of 25 MB at once. */
  readonly uploads: number;
  /** `ranking`: a folder with corpus.jsonl, queries.jsonl and qrels.tsv; null = the project's own questions alone. */
  readonly collection: string | null;
  /**
   * `folder`: what it uploads. `extract`: what it reads. `event-loop`: files to upload beside the load (hostile ones,
   * say); null = the load alone.
   */
  readonly documents: string | null;
  /**
   * A checkout of an earlier version: `extract`, `folder` and `start` measure it in turns with this one, `refresh` has
   * it write the index.
   */
  readonly earlier: string | null;
  /** Where the server leaves a CPU profile of each of its threads; null = none. Its figures are then worth less. */
  readonly profile: string | null;
  /** The server may use half of the cores only; the floors, and what makes the load, all of them. */
  readonly half: boolean;
}

/** The design's figures are of these; smaller ones answer sooner and say less. */
const DEFAULTS = { rounds: 5, files: 100_000, chunks: 100_000, uploads: 200 };

/** Throws an Error that says what is wrong with the arguments. */
export function readOptions(args: readonly string[], known: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      files: { type: "string" },
      chunks: { type: "string" },
      uploads: { type: "string" },
      documents: { type: "string" },
      earlier: { type: "string" },
      profile: { type: "string" },
      half: { type: "boolean" },
    },
  });
  const names = positionals.filter((name) => known.includes(name));
  const [collection, ...surplus] = positionals.filter((name) => !known.includes(name));
  if (surplus.length > 0 || (collection !== undefined && !names.includes("ranking")))
    throw new Error(`there is no row ${surplus[0] ?? collection}; there are: ${known.join(", ")}`);
  if (names.includes("folder") && values.documents === undefined)
    throw new Error("folder needs documents: npm run bench -- folder --documents <folder>");
  if (names.includes("refresh") && values.earlier === undefined)
    throw new Error("refresh needs an earlier version: npm run bench -- refresh --earlier <its checkout>");
  return {
    names,
    rounds: whole(values.rounds, "--rounds") ?? DEFAULTS.rounds,
    files: whole(values.files, "--files") ?? DEFAULTS.files,
    chunks: whole(values.chunks, "--chunks") ?? DEFAULTS.chunks,
    uploads: whole(values.uploads, "--uploads") ?? DEFAULTS.uploads,
    collection: collection ?? null,
    documents: values.documents ?? null,
    earlier: values.earlier ?? null,
    profile: values.profile ?? null,
    half: values.half ?? false,
  };
}

function whole(text: string | undefined, flag: string): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${flag} must be a whole number, not "${text}"`);
  return value;
}
