import { Type } from "typebox";
import type { Wharf } from "../../../../sdk/src/wharf.ts";
import { jsonBytes, shortened } from "../json.ts";
import { MCP_LIMITS } from "../limits.ts";
import { type PageText, readPageText } from "../page-text.ts";
import { defineTool, READS, ToolError } from "../tool.ts";
import { FileId, pageUri, QUOTED } from "./wire.ts";

export const readPage = defineTool({
  name: "read_page",
  title: "Read a page",
  description:
    "The text of one page of a file (slides, sheets and chapters are pages; a text file has one), as much as fits " +
    "into one answer: " +
    `next_from_char says where to go on. ${QUOTED}`,
  scope: "files:read",
  annotations: READS,
  input: Type.Object(
    {
      file_id: FileId,
      page: Type.Optional(Type.Integer({ minimum: 1, description: "From 1; default 1." })),
      from_char: Type.Optional(
        Type.Integer({
          minimum: 0,
          description: "Where in the page to begin; default 0. A passage's chars are such places.",
        }),
      ),
    },
    { additionalProperties: false },
  ),
  async run({ wharf, signal }, { file_id, page = 1, from_char = 0 }) {
    const file = await wharf.files.get(file_id, { signal });
    const about = {
      file_id,
      title: shortened(file.title ?? "", MCP_LIMITS.labelBytes),
      page,
      pages: file.pages ?? null,
    };
    const frame = jsonBytes(answerOf(about, { label: null, from: 2 ** 32, to: 2 ** 32, text: "", more: true }));
    const room = MCP_LIMITS.answerBytes - frame - MCP_LIMITS.labelBytes;
    return answerOf(about, await pageText(wharf, { fileId: file_id, page, from: from_char, maxBytes: room }, signal));
  },
});

interface About {
  readonly file_id: string;
  readonly title: string;
  readonly page: number;
  readonly pages: number | null;
}

function answerOf(about: About, { label, from, to, text, more }: PageText) {
  return {
    ...about,
    ...(label === null ? {} : { label: shortened(label, MCP_LIMITS.labelBytes) }),
    chars: [from, to],
    uri: pageUri(about.file_id, about.page, from),
    text,
    next_from_char: more ? to : null,
  };
}

/** Throws ToolError when the page ends before `from`, and what the API refuses. */
export async function pageText(
  wharf: Wharf,
  wanted: { readonly fileId: string; readonly page: number; readonly from: number; readonly maxBytes: number },
  signal: AbortSignal,
): Promise<PageText> {
  const { fileId, page, from, maxBytes } = wanted;
  const input = { path: { file_id: fileId }, query: { page } };
  const answer = await wharf.calls.open("getFileText", input, {}, { signal });
  const found = await readPageText(answer.chunks(), { from, maxBytes });
  if (from > found.from)
    throw new ToolError(`Page ${page} has ${found.from} characters: begin at a smaller from_char.`);
  return found;
}
