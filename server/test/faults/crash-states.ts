import { dirname } from "node:path";
import type { FileOperation } from "./fault-fs.ts";

/**
 * What may be on disk after a power cut. A weak file system keeps only this: bytes of a file that were written before
 * an fsync of that file, and changes of a folder's names made before an fsync of that folder. Anything else that was
 * done may be there or not, each thing for itself and in any order. From the recorded operations of a protocol this
 * makes *every* state that such a disk may show, at every moment.
 */

/**
 * One effect on the disk, or a promise to somebody. Files are known by number, because a file may have several names.
 */
export type Effect =
  | { readonly kind: "write"; readonly file: number; readonly block: number }
  /** From this block on nothing is left. */
  | { readonly kind: "cut"; readonly file: number; readonly block: number }
  | {
      readonly kind: "name";
      readonly folder: string;
      readonly add?: string;
      readonly remove?: string;
      readonly file: number;
    }
  | { readonly kind: "fsync"; readonly file: number }
  | { readonly kind: "fsync-folder"; readonly folder: string }
  | { readonly kind: "promise"; readonly line: string };

export interface DiskState {
  /** Names that are there, and their file. */
  readonly names: ReadonlyMap<string, number>;
  /** Blocks of each file that are there. */
  readonly blocks: ReadonlyMap<number, ReadonlySet<number>>;
  /** Promises made before the cut. */
  readonly promises: readonly string[];
}

/**
 * More would take 2^n states for one moment: then the protocol syncs nothing, or the recording is not what
 * it should be.
 */
const MAX_UNCERTAIN = 20;

export function* crashStates(effects: readonly Effect[]): Generator<DiskState> {
  for (let moment = 0; moment <= effects.length; moment++) {
    const done = effects.slice(0, moment);
    const uncertain = done.flatMap((effect, index) => (isUncertain(effect, done.slice(index + 1)) ? [index] : []));
    if (uncertain.length > MAX_UNCERTAIN)
      throw new Error(`${uncertain.length} effects are uncertain at moment ${moment}`);
    for (let mask = 0; mask < 1 << uncertain.length; mask++) {
      const lost = new Set(uncertain.filter((_, bit) => ((mask >> bit) & 1) === 0));
      yield stateOf(done.filter((_, index) => !lost.has(index)));
    }
  }
}

/** A write may reach the disk in part: each of five pieces for itself. */
const BLOCKS_PER_WRITE = 5;

/** The operations of a fault log as effects. */
export function effectsOf(operations: readonly FileOperation[]): Effect[] {
  const names = new Map<string, number>();
  const written = new Map<number, number>();
  /** The first block of what was written at this place of this file. */
  const blockAt = new Map<string, number>();
  let files = 0;
  const effectOf = ({ op, path, more }: FileOperation): Effect[] => {
    const file = names.get(path);
    const [second = ""] = more;
    if (op === "promise") return [{ kind: "promise", line: [path, ...more].join(" ") }];
    if (op === "create") {
      names.set(path, files);
      return [{ kind: "name", folder: dirname(path), add: path, file: files++ }];
    }
    if (op === "fsync")
      return file === undefined ? [{ kind: "fsync-folder", folder: path }] : [{ kind: "fsync", file }];
    if (file === undefined) return [];
    if (op === "write") {
      const block = written.get(file) ?? 0;
      written.set(file, block + BLOCKS_PER_WRITE);
      blockAt.set(`${file} ${second}`, block);
      return Array.from({ length: BLOCKS_PER_WRITE }, (_, n) => ({ kind: "write", file, block: block + n }));
    }
    // Our cuts end where a write began.
    if (op === "truncate") return [{ kind: "cut", file, block: blockAt.get(`${file} ${second}`) ?? 0 }];
    if (op === "link" || op === "rename") names.set(second, file);
    if (op === "link") return [{ kind: "name", folder: dirname(second), add: second, file }];
    if (op !== "unlink" && op !== "rename") return [];
    names.delete(path);
    const added = op === "rename" ? { add: second } : {};
    return [{ kind: "name", folder: dirname(path), remove: path, ...added, file }];
  };
  return operations.flatMap(effectOf);
}

function isUncertain(effect: Effect, later: readonly Effect[]): boolean {
  if (effect.kind === "write" || effect.kind === "cut")
    return !later.some((next) => next.kind === "fsync" && next.file === effect.file);
  if (effect.kind === "name")
    return !later.some((next) => next.kind === "fsync-folder" && next.folder === effect.folder);
  return false;
}

function stateOf(effects: readonly Effect[]): DiskState {
  const names = new Map<string, number>();
  const blocks = new Map<number, Set<number>>();
  const promises: string[] = [];
  for (const effect of effects) {
    if (effect.kind === "promise") promises.push(effect.line);
    if (effect.kind === "write") blocks.set(effect.file, (blocks.get(effect.file) ?? new Set()).add(effect.block));
    if (effect.kind === "cut") blocks.set(effect.file, before(effect.block, blocks.get(effect.file)));
    if (effect.kind !== "name") continue;
    if (effect.remove !== undefined) names.delete(effect.remove);
    if (effect.add !== undefined) names.set(effect.add, effect.file);
  }
  return { names, blocks, promises };
}

function before(end: number, blocks: ReadonlySet<number> = new Set()): Set<number> {
  return new Set([...blocks].filter((block) => block < end));
}
