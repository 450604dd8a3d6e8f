import {
  type Tool as ListedTool,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
} from "@modelcontextprotocol/server";
import manifest from "../../../package.json" with { type: "json" };
import { ApiError, WharfError } from "../../../sdk/src/core/errors.ts";
import type { Wharf } from "../../../sdk/src/wharf.ts";
import { shortened } from "./json.ts";
import { listResources, RESOURCE_TEMPLATES, readResource } from "./resources.ts";
import { type Tool, type ToolContext, ToolError } from "./tool.ts";
import { QUOTED } from "./tools/wire.ts";

export interface McpServerOptions {
  readonly wharf: Wharf;
  readonly tools: readonly Tool[];
  /** When a call may be made: at once, or after those before it. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** A call of a tool is over; `outcome` is done, refused (the caller can put it right) or failed. */
  readonly ended: (tool: string, outcome: "done" | "refused" | "failed") => void;
  /** What nobody expected; the caller is told of it without its words. */
  readonly failed: (error: unknown) => void;
}

/** Read once by a model, before it calls anything. */
const INSTRUCTIONS = [
  "Wharf holds a team's documents. Use search first, read_page to read on.",
  "Cite what you say as title, page and file_id.",
  QUOTED,
  "Delete a file only when the person you work for asked for that.",
].join(" ");

/**
 * A server of the Model Context Protocol over one port, for one client. It knows no transport and keeps nothing
 * between calls; what a tool does goes through the API with its caller's key.
 */
export function createMcpServer(options: McpServerOptions): Server {
  const { tools, inTurn } = options;
  const server = new Server(
    { name: "wharf", title: "Wharf", version: manifest.version },
    { capabilities: { tools: {}, resources: {} }, instructions: INSTRUCTIONS },
  );
  server.setRequestHandler("tools/list", (_request, { mcpReq: { signal } }) =>
    inTurn(async () => ({ tools: (await offered(options, signal)).map(described) })),
  );
  server.setRequestHandler("tools/call", ({ params }, { mcpReq: { signal } }) => {
    const tool = tools.find(({ name }) => name === params.name);
    if (tool === undefined) {
      const known = tools.map(({ name }) => name).join(", ");
      return told(`There is no tool ${shortened(params.name, 60)}: there are ${known}.`, true);
    }
    return inTurn(() => callTool(options, tool, params.arguments ?? {}, signal));
  });
  server.setRequestHandler("resources/list", ({ params }, { mcpReq: { signal } }) =>
    inTurn(() => orRefused(options, () => listResources(contextOf(options, signal), params?.cursor))),
  );
  server.setRequestHandler("resources/templates/list", () => ({ resourceTemplates: RESOURCE_TEMPLATES }));
  server.setRequestHandler("resources/read", ({ params: { uri } }, { mcpReq: { signal } }) =>
    inTurn(() =>
      orRefused(options, async () => {
        const found = await readResource(contextOf(options, signal), uri);
        if (found === null) throw new ResourceNotFoundError(shortened(uri, ERROR_BYTES));
        return { contents: [{ ...found }] };
      }),
    ),
  );
  return server;
}

function contextOf({ wharf }: McpServerOptions, signal: AbortSignal): ToolContext {
  return { wharf, signal };
}

async function callTool(options: McpServerOptions, tool: Tool, args: unknown, signal: AbortSignal) {
  try {
    const answer = await tool.run(contextOf(options, signal), args);
    options.ended(tool.name, "done");
    return told(JSON.stringify(answer));
  } catch (error) {
    const sentence = sentenceOf(error);
    options.ended(tool.name, sentence === null ? "failed" : "refused");
    if (sentence === null && !signal.aborted) options.failed(error);
    return told(sentence ?? UNEXPECTED, true);
  }
}

const UNEXPECTED = "internal: Something went wrong. Try once more; if it happens again, tell the person you work for.";

/** Resources have errors of the protocol, not answers that are errors. */
async function orRefused<T>({ failed }: McpServerOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    const sentence = sentenceOf(error);
    if (sentence === null) failed(error);
    const code = sentence === null ? ProtocolErrorCode.InternalError : ProtocolErrorCode.InvalidParams;
    throw new ProtocolError(code, sentence ?? UNEXPECTED);
  }
}

/** What a model is told so that it can act; null for what it cannot. */
function sentenceOf(error: unknown): string | null {
  // It may name what it was given, of any length.
  if (error instanceof ToolError) return shortened(`invalid_arguments: ${error.message}`, ERROR_BYTES);
  if (!(error instanceof WharfError)) return null;
  const { code, message } = error;
  if (!(error instanceof ApiError)) return shortened(`${code}: ${message}`, ERROR_BYTES);
  const details = JSON.stringify(error.details);
  const more = details === "{}" ? "" : ` details: ${shortened(details, ERROR_BYTES)}`;
  const again = error.retryable ? " Trying again later can help." : "";
  return `${code}: ${shortened(message, ERROR_BYTES)}${more}${again}`;
}

function told(text: string, isError = false) {
  return { content: [{ type: "text" as const, text }], ...(isError ? { isError } : {}) };
}

const ERROR_BYTES = 1_500;

/**
 * Those that the key may call: a model is not tempted by what it would be refused. All of them while nobody can say.
 */
async function offered({ wharf, tools, failed }: McpServerOptions, signal: AbortSignal): Promise<readonly Tool[]> {
  try {
    const { key } = await wharf.connection({ signal });
    return tools.filter(({ scope }) => key.scopes.includes(scope));
  } catch (error) {
    if (!(error instanceof WharfError)) failed(error);
    return tools;
  }
}

function described({ name, title, description, annotations, input }: Tool): ListedTool {
  // As clients read it: TypeBox's types say more than JSON Schema's.
  const inputSchema = JSON.parse(JSON.stringify(input));
  return { name, title, description, annotations: { title, ...annotations }, inputSchema };
}
