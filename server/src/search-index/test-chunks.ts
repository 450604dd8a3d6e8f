import { type BucketId, brandId, type FileId } from "../ids.ts";
import { tokenText } from "./analyze.ts";
import type { BuildRef, Candidate, ChunkWrite, RankQuery } from "./search-index.ts";

export function file(id: string): FileId {
  return brandId("file", id);
}

export function bucket(id: string): BucketId {
  return brandId("bucket", id);
}

export function ref(name: string, build = `task_${name}_1`): BuildRef {
  return { file: file(name), build };
}

export function manyFiles(count: number): readonly FileId[] {
  return Array.from({ length: count }, (_, n) => file(`file_none_${n}`));
}

/** A build of one chunk a text. */
export function chunks(
  name: string,
  texts: readonly string[],
  more: { build?: string; title?: string; buckets?: readonly string[]; tags?: readonly string[] } = {},
): ChunkWrite {
  return {
    ...ref(name, more.build),
    buckets: (more.buckets ?? ["bucket_a"]).map(bucket),
    tags: more.tags ?? [],
    titleTokens: tokenText(more.title ?? ""),
    chunks: texts.map((text, position) => {
      const charEnd = 100 + text.length;
      return { position, page: 7, charStart: 100, charEnd, text, tokens: tokenText(text) };
    }),
  };
}

export function ask(text: string): RankQuery {
  return { text, buckets: [], tags: [], files: null, limit: 100, termBudgetRows: null };
}

export function places(candidates: readonly Candidate[]): readonly string[] {
  return candidates.map(({ file: id, position }) => `${id}/${position}`);
}
