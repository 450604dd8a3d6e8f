import { Type } from "typebox";
import type { JsonValue } from "../errors.ts";
import { clientGone } from "../http/client-gone.ts";
import type { App } from "../http/route.ts";
import { LIMITS } from "../limits.ts";
import { readSearch } from "./request.ts";
import { type Hit, type Passage, type SearchAnswer, type SearchDeps, search } from "./search.ts";

export function retrievalRoutes(app: App, deps: SearchDeps): void {
  app.post("/v1/knowledge/search", {
    config: { scope: "search", errors: ["bucket_assignment_failed", "invalid_mode", "overloaded"] },
    schema: {
      operationId: "search",
      summary: "Find passages",
      description:
        "Passages that hold one of the query's words, best first, of files that are active in a searched bucket. No character is an operator.",
      tags: ["search"],
      body: SearchBody,
      response: { 200: SearchResults },
    },
    handler: async ({ caller, body }, reply) =>
      toWire(await search(deps, readSearch(caller.teamId, body), { by: caller, gone: clientGone(reply) })),
  });
}

const Strings = Type.Array(Type.String());

const SearchBody = Type.Object({
  query: Type.String({ description: `1 to ${LIMITS.queryChars} characters.` }),
  bucket_ids: Type.Optional(Strings),
  bucket_slugs: Type.Optional(Strings),
  bucket: Type.Optional(
    Type.String({
      description: "One slug, or one id. Without any of the three forms all active buckets are searched.",
    }),
  ),
  filters: Type.Optional(
    Type.Object({
      tags: Type.Optional(Type.Array(Type.String(), { description: "A file must have all of them." })),
      file_ids: Type.Optional(
        Type.Array(Type.String(), { description: `Only these files; at most ${LIMITS.searchFileIds}.` }),
      ),
      metadata: Type.Optional(
        Type.Unsafe<Readonly<Record<string, unknown>>>({
          type: "object",
          additionalProperties: true,
          description: `Pairs that must be equal, scalars only. May match at most ${LIMITS.metadataFilterFiles} files.`,
        }),
      ),
    }),
  ),
  limit: Type.Optional(
    Type.Integer({ description: `1 to ${LIMITS.searchLimitMax}, default ${LIMITS.searchLimitDefault}.` }),
  ),
  mode: Type.Optional(
    Type.String({
      description: "keyword, semantic or hybrid; the best available by default. This server has keyword.",
    }),
  ),
});

const Count = Type.Integer({ minimum: 0 });

const SearchResults = Type.Object({
  results: Type.Array(
    Type.Object({
      score: Type.Number({ description: "Comparable within one answer only." }),
      file_id: Type.String(),
      filename: Type.String(),
      title: Type.String(),
      buckets: Type.Array(Type.Object({ id: Type.String(), slug: Type.String() }), {
        description: "Those of the searched buckets that hold the file.",
      }),
      tags: Strings,
      metadata: Type.Unsafe<{ readonly [key: string]: JsonValue }>({ type: "object", additionalProperties: true }),
      chunk_id: Type.String({ description: "The same as long as the file's version is." }),
      text: Type.String(),
      highlights: Type.Array(Type.Array(Count, { minItems: 2, maxItems: 2 }), {
        description: "Ranges of text that matched: UTF-16 code units, end exclusive.",
      }),
      page: Type.Integer({ minimum: 1 }),
      pages: Type.Array(Type.Integer({ minimum: 1 })),
      char_start: Type.Integer({
        minimum: 0,
        description: "UTF-16 code units of the page's text as GET /v1/knowledge/files/{id}/text gives it.",
      }),
      char_end: Type.Integer({ minimum: 0, description: "Exclusive." }),
      file_version: Type.Integer({ minimum: 1 }),
      duplicates: Type.Array(
        Type.Object({ file_id: Type.String(), chunk_id: Type.String(), page: Type.Integer({ minimum: 1 }) }),
        {
          description: `Passages with the same text, which are one result: at most ${LIMITS.searchDuplicates} are named.`,
        },
      ),
    }),
  ),
  searched: Type.Object({
    buckets: Count,
    files: Type.Integer({ minimum: 0, description: "A file in two searched buckets counts in both." }),
    chunks: Count,
    terms_ignored: Type.Array(Type.String(), {
      description:
        "Words too frequent to be looked up beside the others; they count in the scores of what those found.",
    }),
  }),
});

/** Without `request_id`, which the edge adds. */
function toWire({ results, searched, termsIgnored }: SearchAnswer) {
  return { results: results.map(hitToWire), searched: { ...searched, terms_ignored: [...termsIgnored] } };
}

function hitToWire({ candidate, file, highlights, duplicates }: Hit) {
  return {
    score: candidate.score,
    file_id: file.file,
    filename: file.filename,
    title: file.title,
    buckets: [...file.buckets],
    tags: JSON.parse(file.tags),
    metadata: JSON.parse(file.metadata),
    chunk_id: chunkIdOf({ candidate, file }),
    text: candidate.text,
    highlights: highlights.map((range) => [...range]),
    page: candidate.page,
    pages: [candidate.page],
    char_start: candidate.charStart,
    char_end: candidate.charEnd,
    file_version: file.version,
    duplicates: duplicates.map((passage) => ({
      file_id: passage.file.file,
      chunk_id: chunkIdOf(passage),
      page: passage.candidate.page,
    })),
  };
}

/** Named by what the file's owner knows, not by the build: indexing the same version again gives the same ids. */
function chunkIdOf({ candidate, file }: Passage): string {
  return `chunk_${file.file.slice("file_".length)}_${file.version}_${candidate.position}`;
}
