import { invalidRequest, type JsonValue, WharfError } from "../errors.ts";
import { codePoints } from "../files/fields.ts";
import { type FileId, parseId, type ResponseId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { member } from "./json-member.ts";
import { AGENT_LIMITS } from "./limits.ts";
import { BASE_MODEL, readModel } from "./model.ts";
import type { Turn } from "./writer.ts";

/** The request as its schema lets it through; `input` and `conversation` have several forms, which are judged here. */
export interface ResponseRequest {
  readonly model?: string | undefined;
  readonly input?: unknown;
  readonly stream?: boolean | undefined;
  readonly store?: boolean | undefined;
  readonly metadata?: Readonly<Record<string, JsonValue>> | undefined;
  readonly conversation?: unknown;
  readonly previous_response_id?: string | undefined;
  readonly instructions?: string | undefined;
}

/** What somebody asks an agent. */
export interface Question {
  /** As sent. */
  readonly model: string;
  /** Null: the default model. */
  readonly profileId: string | null;
  readonly text: string;
  /** What the request itself says was said before, oldest first. */
  readonly turns: readonly Turn[];
  readonly instructions: string;
  /** Null = any file. */
  readonly files: readonly FileId[] | null;
  readonly stream: boolean;
  readonly store: boolean;
  readonly metadata: Readonly<Record<string, JsonValue>>;
  readonly conversationId: string | null;
  readonly previousId: ResponseId | null;
}

/** Throws WharfError: `invalid_request` with `details.field`, `metadata_too_large`, `model_not_found`. Pure. */
export function readQuestion(request: ResponseRequest): Question {
  const { model = BASE_MODEL, stream = false, store = true, metadata = {}, instructions = "" } = request;
  const named = readModel(model);
  if (named === null) throw new WharfError("model_not_found", { details: { model } });
  const said = readInput(request.input);
  const text = said.at(-1)?.role === "user" ? (said.at(-1)?.text ?? "") : "";
  if (text.trim() === "")
    throw invalidRequest("input", "input must end with a question of the user: a text that is not empty.");
  if (codePoints(text) > AGENT_LIMITS.questionChars)
    throw invalidRequest(
      "input",
      `A question has at most ${AGENT_LIMITS.questionChars} characters: upload a longer text, and name it as input_file.`,
      { max: AGENT_LIMITS.questionChars },
    );
  const metadataBytes = Buffer.byteLength(JSON.stringify(metadata));
  if (metadataBytes > AGENT_LIMITS.metadataBytes)
    throw new WharfError("metadata_too_large", { details: { max_bytes: AGENT_LIMITS.metadataBytes } });
  const system = said.filter(({ role }) => role === "system").map((item) => item.text);
  return {
    model,
    profileId: named.profileId,
    text,
    turns: turnsOf(said.slice(0, -1)),
    instructions: checkedInstructions([instructions, ...system].filter((part) => part.trim() !== "").join("\n")),
    files: filesOf(said),
    stream,
    store,
    metadata,
    conversationId: readConversation(request.conversation) ?? fallbackConversation(metadata),
    previousId: request.previous_response_id === undefined ? null : parseId("resp", request.previous_response_id),
  };
}

interface SaidItem {
  readonly role: "user" | "assistant" | "system";
  readonly text: string;
  readonly files: readonly string[];
}

/** A string; messages `{role, content}`, and items of an earlier answer; or bare parts, which are one message. */
function readInput(input: unknown): readonly SaidItem[] {
  if (typeof input === "string") return [{ role: "user", text: input, files: [] }];
  if (!Array.isArray(input))
    throw invalidRequest(
      "input",
      'input must be a text, a list of messages {role, content}, or a list of {type: "input_text", text}.',
    );
  const items: readonly unknown[] = input;
  if (items.length > AGENT_LIMITS.inputItems)
    throw invalidRequest("input", `input has at most ${AGENT_LIMITS.inputItems} items.`, {
      max: AGENT_LIMITS.inputItems,
    });
  const said = [...items.entries()].filter(([, item]) => !NOT_SAID.includes(member(item, "type")));
  const bare = said.filter(([, item]) => member(item, "role") === undefined);
  if (bare.length === items.length && bare.length > 0) return [readContent("user", items, "input")];
  return said.map(([place, item]) => readMessage(item, `input.${place}`));
}

/** A client that goes on with an answer's whole `output` sends these back beside the message. */
const NOT_SAID: readonly unknown[] = ["file_search_call", "reasoning"];

function readMessage(item: unknown, field: string): SaidItem {
  const role = ROLES.get(String(member(item, "role")));
  if (role === undefined)
    throw invalidRequest(`${field}.role`, `${field}.role must be user, assistant, system or developer.`);
  const content = member(item, "content");
  if (typeof content === "string") return { role, text: content, files: [] };
  if (!Array.isArray(content))
    throw invalidRequest(`${field}.content`, `${field}.content must be a text or a list of parts.`);
  return readContent(role, content, `${field}.content`);
}

const ROLES: ReadonlyMap<string, SaidItem["role"]> = new Map([
  ["user", "user"],
  ["assistant", "assistant"],
  ["system", "system"],
  ["developer", "system"],
]);

const TEXT_PARTS: readonly unknown[] = ["input_text", "output_text", "text"];

function readContent(role: SaidItem["role"], parts: readonly unknown[], field: string): SaidItem {
  const texts: string[] = [];
  const files: string[] = [];
  for (const [place, part] of parts.entries()) {
    const type = member(part, "type");
    const value = member(part, type === "input_file" ? "file_id" : "text");
    const known = type === "input_file" || TEXT_PARTS.includes(type);
    if (!known || typeof value !== "string")
      throw invalidRequest(
        `${field}.${place}`,
        `${field}.${place} must be {type: "input_text", text} or {type: "input_file", file_id}; the file has to be uploaded before.`,
      );
    (type === "input_file" ? files : texts).push(value);
  }
  return { role, text: texts.join("\n"), files };
}

/** What is no id is no file of anybody, and matches nothing. */
function filesOf(said: readonly SaidItem[]): readonly FileId[] | null {
  const named = new Set(said.flatMap(({ files }) => files));
  if (named.size > LIMITS.searchFileIds)
    throw invalidRequest("input", `A question names at most ${LIMITS.searchFileIds} files.`, {
      max: LIMITS.searchFileIds,
    });
  return named.size === 0 ? null : [...named].flatMap((id) => parseId("file", id) ?? []);
}

/** Questions with the answers behind them; a question that nobody answered is a turn without an answer. */
function turnsOf(said: readonly SaidItem[]): readonly Turn[] {
  const turns: { question: string; answer: string }[] = [];
  for (const { role, text } of said) {
    if (role === "user") turns.push({ question: text, answer: "" });
    const last = turns.at(-1);
    if (role === "assistant" && last !== undefined) last.answer += text;
  }
  return turns;
}

function checkedInstructions(instructions: string): string {
  if (codePoints(instructions) > AGENT_LIMITS.instructionsChars)
    throw invalidRequest("instructions", `instructions have at most ${AGENT_LIMITS.instructionsChars} characters.`, {
      max: AGENT_LIMITS.instructionsChars,
    });
  return instructions;
}

function readConversation(conversation: unknown): string | null {
  if (conversation === undefined) return null;
  const id = typeof conversation === "string" ? conversation : member(conversation, "id");
  if (isConversationId(id)) return id;
  throw invalidRequest(
    "conversation",
    `conversation is an id or {id}: a text of 1 to ${AGENT_LIMITS.conversationIdChars} characters.`,
  );
}

/** Clients that cannot send `conversation` send it here (AGT-6). One that is no id is nothing. */
function fallbackConversation(metadata: Readonly<Record<string, JsonValue>>): string | null {
  const id = metadata["conversation_id"];
  return isConversationId(id) ? id : null;
}

function isConversationId(id: unknown): id is string {
  return typeof id === "string" && id !== "" && codePoints(id) <= AGENT_LIMITS.conversationIdChars;
}
