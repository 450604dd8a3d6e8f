import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { Client as NewClient, StreamableHTTPClientTransport as NewHttp } from "@modelcontextprotocol/client";
import { StdioClientTransport as NewStdio } from "@modelcontextprotocol/client/stdio";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { inheritedEnvironment } from "../support/config.ts";
import { at, listAt, objectAt, textAt } from "../support/json.ts";

const CLI = join(import.meta.dirname, "../../../cli/main.ts");
const NAME = { name: "test", version: "1" };

/** The folder that stdio's uploads come from. */
export const ROOT = await mkdtemp(join(tmpdir(), "wharf-mcp-"));
after(() => rm(ROOT, { recursive: true }));

/** An agent, as far as these tests need one. */
export interface Agent {
  tools(): Promise<readonly object[]>;
  /** The answer's JSON. Rejects with the sentence of a tool error. */
  call(tool: string, args?: object): Promise<unknown>;
  /** The text of the answer as a model reads it, and whether it is an error. */
  raw(tool: string, args?: object): Promise<{ readonly text: string; readonly isError: boolean }>;
  resources(): Promise<unknown>;
  templates(): Promise<unknown>;
  read(uri: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface Transport {
  readonly name: string;
  /** Whether upload_file takes a path in ROOT. */
  readonly takesPaths: boolean;
  open(url: string, key: string, more?: readonly string[]): Promise<Agent>;
}

/**
 * Each transport, with the client of the SDK that is in use and with that of its next version, which speaks the
 * protocol of 2026.
 */
export const TRANSPORTS: readonly Transport[] = [
  {
    name: "streamable HTTP, SDK 1",
    takesPaths: false,
    open: (url, key) =>
      agentOf(new Client(NAME), new StreamableHTTPClientTransport(new URL(`${url}/mcp`), requestInit(key))),
  },
  {
    name: "streamable HTTP, SDK 2",
    takesPaths: false,
    open: (url, key) => agentOf(newClient(), new NewHttp(new URL(`${url}/mcp`), requestInit(key))),
  },
  {
    name: "stdio, SDK 1",
    takesPaths: true,
    open: (url, key, more) => agentOf(new Client(NAME), new StdioClientTransport(command(url, key, more))),
  },
  {
    name: "stdio, SDK 2",
    takesPaths: true,
    open: (url, key, more) => agentOf(newClient(), new NewStdio(command(url, key, more))),
  },
];

function newClient(): NewClient {
  return new NewClient(NAME, { versionNegotiation: { mode: "auto" } });
}

function requestInit(key: string) {
  return { requestInit: { headers: { Authorization: `Bearer ${key}` } } };
}

function command(url: string, key: string, more: readonly string[] = ["--root", ROOT]) {
  const env = { ...inheritedEnvironment(), WHARF_URL: url, WHARF_API_KEY: key };
  return { command: process.execPath, args: [CLI, "mcp", ...more], env };
}

/** What the clients of both versions have in common. */
interface AnyClient<T> {
  connect(transport: T): Promise<void>;
  listTools(): Promise<{ readonly tools: readonly object[] }>;
  callTool(params: { readonly name: string; readonly arguments: Record<string, unknown> }): Promise<unknown>;
  listResources(): Promise<unknown>;
  listResourceTemplates(): Promise<unknown>;
  readResource(params: { readonly uri: string }): Promise<unknown>;
  close(): Promise<void>;
}

export async function agentOf<T>(client: AnyClient<T>, transport: T): Promise<Agent> {
  await client.connect(transport);
  const raw = async (name: string, args: object = {}) => {
    const answer = objectAt(await client.callTool({ name, arguments: { ...args } }));
    const [content] = listAt(answer, "content");
    return { text: textAt(content, "text"), isError: at(answer, "isError") === true };
  };
  return {
    raw,
    tools: async () => (await client.listTools()).tools,
    call: async (name, args) => {
      const { text, isError } = await raw(name, args);
      if (isError) throw new Error(text);
      return JSON.parse(text);
    },
    resources: () => client.listResources(),
    templates: () => client.listResourceTemplates(),
    read: (uri) => client.readResource({ uri }),
    close: () => client.close(),
  };
}
