import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A line between a client and a server on loopback, with faults. */
export interface Line {
  /** Without a slash at its end. */
  readonly url: string;
  /** Where it leads; may be set later. */
  target: string;
  close(): Promise<void>;
}

export interface CutLine extends Line {
  /** Places that are left to cut at, in bytes from clients, first one first. */
  cutAt: number[];
  /** Bytes that have come from clients. */
  readonly passed: number;
}

/**
 * Breaks the connection that carries the byte at each of `cutAt`: what came before is delivered, and then both sides
 * see the end.
 */
export async function openCutLine(): Promise<CutLine> {
  const open = new Set<Socket>();
  let passed = 0;
  const server = createServer((client) => {
    const { hostname, port } = new URL(line.target);
    const upstream = connect({ host: hostname, port: Number(port) });
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (chunk) => {
      const at = line.cutAt[0];
      if (at !== undefined && passed + chunk.length > at) {
        line.cutAt.shift();
        upstream.end(chunk.subarray(0, Math.max(0, at - passed)), () => client.destroy());
        passed = Math.max(passed, at);
        client.pause();
        return;
      }
      passed += chunk.length;
      if (!upstream.write(chunk)) {
        client.pause();
        upstream.once("drain", () => client.resume());
      }
    });
    upstream.pipe(client);
    client.on("end", () => upstream.end());
  });
  const address = await listen(server);
  const line: CutLine = {
    url: address,
    target: "http://127.0.0.1:1",
    cutAt: [],
    get passed() {
      return passed;
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
  return line;
}

/** `lost`: the server does it, and nobody hears of it. */
export type Fault = "429" | "503" | "lost";

export interface FaultyLine extends Line {
  /** What happens to each request; called once for each, also for those that repeat one. */
  fault: (request: IncomingMessage) => Fault | null;
}

/** Passes whole requests on, and refuses some in the server's place, or loses their answers. */
export async function openFaultyLine(): Promise<FaultyLine> {
  const server = createHttpServer((incoming, response) => {
    const fault = line.fault(incoming);
    if (fault === "429" || fault === "503") return void refuse(Number(fault), incoming, response);
    const upstream = request(new URL(incoming.url ?? "/", line.target), {
      method: incoming.method,
      headers: { ...incoming.headers, connection: "close" },
    });
    upstream.on("error", () => incoming.socket.destroy());
    upstream.on("response", (answer) => {
      if (fault === "lost") return void answer.resume().on("end", () => incoming.socket.destroy());
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(upstream);
  });
  const line: FaultyLine = {
    url: await listen(server),
    target: "http://127.0.0.1:1",
    fault: () => null,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return line;
}

function refuse(status: number, incoming: IncomingMessage, response: ServerResponse): void {
  const code = status === 429 ? "rate_limited" : "overloaded";
  const error = { code, message: "Come back later.", retryable: true, details: {} };
  const headers = { "Content-Type": "application/json", "Retry-After": "1" };
  incoming.resume().on("end", () => {
    response.writeHead(status, headers).end(JSON.stringify({ error, request_id: "req_line" }));
  });
}

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("the line listens on no port");
  return `http://127.0.0.1:${address.port}`;
}

/** A port that was free a moment ago: behind a public URL a server does not say where it listens. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const url = await listen(server);
  server.close();
  await once(server, "close");
  return Number(new URL(url).port);
}
