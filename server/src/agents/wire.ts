import { Type } from "typebox";
import type { JsonValue } from "../errors.ts";
import type { Answer } from "./answer.ts";
import type { GivenPassage } from "./writer.ts";

/** Where in an answer's `output` its parts stand. */
export const SEARCH_INDEX = 0;
export const MESSAGE_INDEX = 1;

/** What stands in `url` of a citation, without a slash at its end. */
export interface WireContext {
  readonly publicUrl: string;
}

/** The response object of OpenAI's shape, without `request_id` (AGT-3). */
export function responseToWire(answer: Answer, context: WireContext) {
  return {
    ...frame(answer, "completed"),
    output: [searchToWire(answer), messageToWire(answer, context)],
    output_text: answer.text,
    metadata: { ...answer.metadata, _aicore: groundingOf(answer) },
    usage: {
      input_tokens: answer.usage.inputTokens,
      output_tokens: answer.usage.outputTokens,
      total_tokens: answer.usage.inputTokens + answer.usage.outputTokens,
    },
  };
}

/** What every state of a response shows. */
export function frame(
  {
    id,
    createdAt,
    model,
    conversationId,
    previousId,
  }: Pick<Answer, "id" | "createdAt" | "model" | "conversationId" | "previousId">,
  status: "in_progress" | "completed",
) {
  return {
    id,
    object: "response" as const,
    created_at: Math.floor(createdAt / 1000),
    status,
    model,
    error: null,
    conversation: { id: conversationId },
    previous_response_id: previousId,
  };
}

type Found = Pick<Answer, "id" | "queries" | "given">;

/** Each item has the response's own number, so that an answer that is read again has the same ids. */
function itemId(prefix: "fs" | "msg", response: string): string {
  return `${prefix}_${response.slice("resp_".length)}`;
}

export function searchToWire({ id, queries, given }: Found) {
  return {
    type: "file_search_call" as const,
    id: itemId("fs", id),
    status: "completed" as const,
    queries: [...queries],
    results: given.map(({ fileId, filename, score, text, page }) => ({ file_id: fileId, filename, score, text, page })),
  };
}

export function messageFrame({ id }: Pick<Answer, "id">) {
  return {
    type: "message" as const,
    id: itemId("msg", id),
    role: "assistant" as const,
    status: "in_progress" as const,
    content: [],
  };
}

export function messageToWire(answer: Answer, context: WireContext) {
  return { ...messageFrame(answer), status: "completed" as const, content: [textToWire(answer, context)] };
}

export function textToWire(answer: Answer, { publicUrl }: WireContext) {
  const annotations = answer.citations.flatMap(({ at, source }) => {
    const passage = sourceAt(answer, source);
    if (passage === null) return [];
    return {
      type: "file_citation" as const,
      file_id: passage.fileId,
      filename: passage.filename,
      index: at,
      name: nameOf(passage),
      url: `${publicUrl}/v1/knowledge/files/${passage.fileId}/content`,
      page: passage.page,
      char_start: passage.charStart,
      char_end: passage.charEnd,
    };
  });
  return { type: "output_text" as const, text: answer.text, annotations };
}

/** The same for clients that read it here: `index` is the number in the text, and `chunks` are such numbers. */
function groundingOf(answer: Answer) {
  return {
    display_text: answer.text,
    grounded_sources: answer.sources.flatMap((_place, source) => {
      const passage = sourceAt(answer, source);
      if (passage === null) return [];
      const { filename, text, fileId, page } = passage;
      const label = `${nameOf(passage)}, page ${page}`;
      return { index: source + 1, label, filename, snippet: text, knowledge_id: fileId, page };
    }),
    grounding_supports: answer.supports.map(({ text, sources }, support_index) => ({
      support_index,
      chunks: sources.map((source) => source + 1),
      text,
    })),
  };
}

function sourceAt({ given, sources }: Answer, source: number): GivenPassage | null {
  return given[sources[source] ?? -1] ?? null;
}

function nameOf({ title, filename }: GivenPassage): string {
  return title === "" ? filename : title;
}

const Text = Type.String();
const Count = Type.Integer({ minimum: 0 });
const Page = Type.Integer({ minimum: 1 });

export const FreeObject = (description: string) =>
  Type.Unsafe<Readonly<Record<string, JsonValue>>>({ type: "object", additionalProperties: true, description });

const SearchItem = Type.Object({
  type: Type.Literal("file_search_call"),
  id: Text,
  status: Type.Literal("completed"),
  queries: Type.Array(Text),
  results: Type.Array(Type.Object({ file_id: Text, filename: Text, score: Type.Number(), text: Text, page: Page })),
});

const Annotation = Type.Object({
  type: Type.Literal("file_citation"),
  file_id: Text,
  filename: Text,
  index: Type.Integer({ minimum: 0, description: "Where its [n] stands in text, UTF-16 code units." }),
  name: Text,
  url: Text,
  page: Page,
  char_start: Type.Integer({ minimum: 0, description: "Range of the page's text, as in search." }),
  char_end: Count,
});

const MessageItem = Type.Object({
  type: Type.Literal("message"),
  id: Text,
  role: Type.Literal("assistant"),
  status: Type.Literal("completed"),
  content: Type.Array(
    Type.Object({ type: Type.Literal("output_text"), text: Text, annotations: Type.Array(Annotation) }),
  ),
});

export const ResponseObject = Type.Object({
  id: Text,
  object: Type.Literal("response"),
  created_at: Type.Integer({ description: "Unix seconds." }),
  status: Type.Literal("completed"),
  model: Text,
  error: Type.Null(),
  conversation: Type.Object({ id: Text }),
  previous_response_id: Type.Union([Text, Type.Null()]),
  output: Type.Array(Type.Union([SearchItem, MessageItem])),
  output_text: Text,
  metadata: FreeObject(
    "As sent, and _aicore: {display_text, grounded_sources[{index, label, filename, snippet, knowledge_id, page}], grounding_supports[{support_index, chunks[], text}]}.",
  ),
  usage: Type.Object({ input_tokens: Count, output_tokens: Count, total_tokens: Count }),
});
