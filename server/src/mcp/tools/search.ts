import { Type } from "typebox";
import { bucketFields } from "../../../../sdk/src/files/description.ts";
import type { SearchResult } from "../../../../sdk/src/generated/types.ts";
import { cutToBytes, jsonBytes, shareOut, shortened } from "../json.ts";
import { MCP_LIMITS } from "../limits.ts";
import { defineTool, READS } from "../tool.ts";
import { BucketNames, pageUri, QUOTED } from "./wire.ts";

export const search = defineTool({
  name: "search",
  title: "Search the documents",
  description:
    "Finds passages that hold one of the query's words (any language, no operators), best first. Each names its file, " +
    "page and place: cite them as title, page and file_id. Read more of a page with read_page. " +
    QUOTED,
  scope: "search",
  annotations: READS,
  input: Type.Object(
    {
      query: Type.String({
        minLength: 1,
        maxLength: 2000,
        description: "Words to look for, as the documents would say them.",
      }),
      buckets: Type.Optional(BucketNames),
      file_ids: Type.Optional(Type.Array(Type.String(), { maxItems: 100, description: "Only in these files." })),
      tags: Type.Optional(Type.Array(Type.String(), { description: "Only in files that have all of these tags." })),
      limit: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: MCP_LIMITS.passages,
          description: `Most passages; default ${MCP_LIMITS.passagesDefault}. With more, each is cut shorter.`,
        }),
      ),
    },
    { additionalProperties: false },
  ),
  async run({ wharf, signal }, { query, buckets = [], file_ids, tags, limit = MCP_LIMITS.passagesDefault }) {
    const body = { query, ...bucketFields(buckets), filters: { file_ids, tags }, limit };
    const { results, searched } = await wharf.search(body, { signal });
    const { files, buckets: inBuckets } = searched;
    const answer = (passages: readonly object[]) => ({
      passages,
      searched: { files, buckets: inBuckets },
      ...(passages.length === 0
        ? { hint: "No passage holds a word of the query: try other words, or fewer filters." }
        : {}),
    });
    const heads = results.map((result) => passageOf(result, 0));
    const texts = shareOut(
      results.map(({ text }) => jsonBytes(text)),
      MCP_LIMITS.answerBytes - jsonBytes(answer(heads)),
    );
    return answer(results.map((result, place) => passageOf(result, texts[place] ?? 0)));
  },
});

/** The part of a passage that takes at most so many bytes: round the first word that was found, when it must be cut. */
function passageOf(result: SearchResult, textBytes: number) {
  const { file_id, title, filename, page, char_start, buckets } = result;
  const start = jsonBytes(result.text) <= textBytes ? 0 : cutStart(result, textBytes);
  const text = cutToBytes(result.text.slice(start), Math.max(0, textBytes - 2));
  const at = char_start + start;
  return {
    file_id,
    title: shortened(title === "" ? filename : title, MCP_LIMITS.labelBytes),
    page,
    chars: [at, at + text.length],
    buckets: buckets.slice(0, 3).map(({ slug }) => slug),
    uri: pageUri(file_id, page),
    text,
  };
}

/** A third of what may be shown stands before the first highlight, and no word or character is cut there. */
function cutStart({ text, highlights }: SearchResult, textBytes: number): number {
  const first = highlights[0]?.[0] ?? 0;
  const wanted = Math.max(0, first - Math.floor(textBytes / 3));
  if (wanted === 0) return 0;
  const space = text.indexOf(" ", wanted);
  return space === -1 || space >= first ? first : space + 1;
}
