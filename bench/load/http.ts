import { Agent, request } from "node:http";

export interface Call {
  readonly json?: unknown;
  readonly bytes?: Uint8Array;
  /** The status that the answer must have. */
  readonly expect: number;
}

/**
 * Requests to one server over kept connections. Any other status than the expected one rejects: a wrong answer
 * is no figure.
 */
export class Client {
  readonly #host: string;
  readonly #port: string;
  readonly #key: string;
  readonly #agent: Agent;

  constructor(url: string, key: string, connections: number) {
    const { hostname, port } = new URL(url);
    this.#host = hostname;
    this.#port = port;
    this.#key = key;
    this.#agent = new Agent({ keepAlive: true, maxSockets: Math.max(connections, 8) });
  }

  /** The answer's JSON; undefined when it is none. */
  call(method: string, path: string, { json, bytes, expect }: Call): Promise<unknown> {
    const body = json === undefined ? bytes : Buffer.from(JSON.stringify(json));
    return new Promise((resolve, reject) => {
      const outgoing = request({
        host: this.#host,
        port: this.#port,
        path,
        method,
        agent: this.#agent,
        headers: {
          Authorization: `Bearer ${this.#key}`,
          ...(json === undefined ? {} : { "Content-Type": "application/json" }),
          ...(body === undefined ? {} : { "Content-Length": body.length }),
        },
      });
      outgoing.on("error", reject);
      outgoing.on("response", (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (piece) => {
          text += piece;
        });
        response.on("error", reject);
        response.on("end", () => {
          if (response.statusCode !== expect)
            reject(new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 300)}`));
          else resolve(parsed(text));
        });
      });
      outgoing.end(body);
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
