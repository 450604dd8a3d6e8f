import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { BlockList, connect, type Socket } from "node:net";
import { afterEach } from "node:test";
import { createClock } from "../clock.ts";
import { createIdSource } from "../ids.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { HttpServer, type HttpServerDeps } from "./server.ts";

/** A server of connections alone, and clients that send bytes: for tests of who is let in and who is ended. */

const opened: Socket[] = [];
const servers: HttpServer[] = [];
afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

/** A server whose handlers do what the test says: `held` are the requests that a handler has in hand, oldest first. */
export async function startServer(options: Partial<HttpServerDeps> = {}) {
  const held: { readonly url: string; readonly response: ServerResponse; gone: boolean }[] = [];
  const ended: Record<string, number> = {};
  const metrics: Metrics = {
    count: (_name, labels) => {
      const reason = String(labels?.["reason"]);
      ended[reason] = (ended[reason] ?? 0) + 1;
    },
    observe() {},
  };
  let called: () => void = () => {};
  const server = new HttpServer({
    app: (request, response) => {
      const one = { url: request.url ?? "", response, gone: false };
      response.once("close", () => {
        one.gone = !response.writableFinished;
        called();
      });
      if (/^\/(healthz|readyz|metrics)(\?|$)/.test(one.url)) response.end("ok");
      else held.push(one);
      called();
    },
    byteEndpoint: (request, response) => {
      request.resume();
      request.once("end", () => response.end("bytes"));
    },
    ids: createIdSource(createClock()),
    unlimitedPeers: loopback(),
    metrics,
    ...options,
  });
  servers.push(server);
  const { port } = await server.listen("127.0.0.1", 0);
  /** Looks again whenever a handler is called or an answer is over. */
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await new Promise<void>((resolve) => (called = resolve));
  };
  return { server, port, held, ended, until };
}

function loopback(): BlockList {
  const list = new BlockList();
  list.addSubnet("127.0.0.0", 8);
  return list;
}

export class Client {
  readonly socket: Socket;
  text = "";

  private constructor(socket: Socket) {
    this.socket = socket;
    opened.push(socket);
    socket.on("error", () => {});
    socket.setEncoding("latin1").on("data", (piece) => (this.text += piece));
  }

  static async open(port: number, localAddress = "127.0.0.1"): Promise<Client> {
    const socket = connect({ port, host: "127.0.0.1", localAddress, allowHalfOpen: true });
    const client = new Client(socket);
    await once(socket, "connect");
    return client;
  }

  send(path: string, more = ""): void {
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`);
  }

  async read(what: RegExp): Promise<void> {
    while (!what.test(this.text)) await once(this.socket, "data");
  }

  /** Until the server has closed its half. */
  async ended(): Promise<void> {
    if (this.socket.readableEnded || this.socket.destroyed) return;
    await Promise.race([once(this.socket, "end"), once(this.socket, "close")]);
  }
}
