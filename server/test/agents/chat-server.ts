import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { listAt, objectAt, textAt } from "../support/json.ts";

export interface ChatRequest {
  readonly system: string;
  /** All messages after the first, in order. */
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  /** The last message: passages and question. */
  readonly asked: string;
}

/** What the server does with a request that it has found right. */
export type Behaviour = (request: ChatRequest, response: ServerResponse) => void | Promise<void>;

/** A chat server as strict as OpenAI's: it refuses what that would refuse, and remembers what it was asked. */
export class FakeChatServer {
  readonly key = "llm-secret-key";
  readonly model = "fake-1";
  readonly requests: ChatRequest[] = [];
  /** Requests that a real server would have refused, each with its reason. */
  readonly refused: string[] = [];
  behave: Behaviour = says("An answer [1].");
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  static async start(): Promise<FakeChatServer> {
    const fake = new FakeChatServer();
    fake.#server.listen(0, "127.0.0.1");
    await once(fake.#server, "listening");
    return fake;
  }

  get url(): string {
    const address = this.#server.address();
    assert.ok(typeof address === "object" && address !== null);
    return `http://127.0.0.1:${address.port}/v1`;
  }

  get settings(): Readonly<Record<string, string>> {
    return { WHARF_LLM_URL: this.url, WHARF_LLM_MODEL: this.model, WHARF_LLM_API_KEY: this.key };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const asked = this.#read(request, await bodyOf(request));
      this.requests.push(asked);
      await this.behave(asked, response);
    } catch (error) {
      this.refused.push(String(error));
      response.writeHead(400, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message: "refused", type: "invalid_request_error" } }));
    }
  }

  #read(request: IncomingMessage, body: string): ChatRequest {
    assert.equal(request.method, "POST");
    assert.equal(request.url, "/v1/chat/completions");
    assert.equal(request.headers.authorization, `Bearer ${this.key}`);
    assert.match(String(request.headers["content-type"]), /^application\/json/);
    const json: unknown = JSON.parse(body);
    assert.deepEqual(Object.keys(objectAt(json)).sort(), ["messages", "model", "stream", "stream_options"]);
    assert.equal(textAt(json, "model"), this.model);
    const messages = listAt(json, "messages").map((message) => {
      assert.deepEqual(Object.keys(objectAt(message)).sort(), ["content", "role"]);
      return { role: textAt(message, "role"), content: textAt(message, "content") };
    });
    const [system, ...rest] = messages;
    assert.equal(system?.role, "system");
    assert.deepEqual(
      rest.map(({ role }) => role),
      rest.map((_message, place) => (place % 2 === 0 ? "user" : "assistant")),
      "turns alternate and end with the user",
    );
    return { system: system.content, messages: rest, asked: rest.at(-1)?.content ?? "" };
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const piece of request.setEncoding("utf8")) body += piece;
  return body;
}

const EVENTS = { "content-type": "text/event-stream" };

export function chunk(content: string): string {
  return `data: ${JSON.stringify({ object: "chat.completion.chunk", choices: [{ index: 0, delta: { content } }] })}\n\n`;
}

/** Says the pieces one after the other, streamed, with usage at the end. */
export function says(...pieces: readonly string[]): Behaviour {
  return (_request, response) => {
    response.writeHead(200, EVENTS);
    for (const piece of pieces) response.write(chunk(piece));
    response.write(
      `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } })}\n\n`,
    );
    response.end("data: [DONE]\n\n");
  };
}

/** The whole answer as one JSON object, as servers do that do not stream. */
export function saysWhole(content: string): Behaviour {
  return (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ choices: [{ index: 0, message: { role: "assistant", content } }] }));
  };
}

/** Its socket closes in the middle of the stream. */
export function breaksAfter(...pieces: readonly string[]): Behaviour {
  return (_request, response) => {
    response.writeHead(200, EVENTS);
    for (const piece of pieces) response.write(chunk(piece));
    setTimeout(() => response.destroy(), 100);
  };
}

export function sends(raw: string, type = "text/event-stream"): Behaviour {
  return (_request, response) => {
    response.writeHead(200, { "content-type": type });
    response.end(raw);
  };
}

export function refuses(status: number): Behaviour {
  return (_request, response) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: "llm-secret-key is not valid" } }));
  };
}

/** Never says anything. */
export const hangs: Behaviour = () => undefined;
