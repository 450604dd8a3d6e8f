import { once } from "node:events";
import { createServer, type Server } from "node:http";

/** Servers on other ports of this machine. */

/** A page that belongs to somebody else, and the cookies that it was asked with. */
export async function otherOrigin(): Promise<{ readonly port: number; readonly cookies: readonly string[] }> {
  const cookies: string[] = [];
  const server = createServer((request, response) => {
    cookies.push(request.headers.cookie ?? "");
    response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>Elsewhere</title><body>");
  });
  return { port: await listening(server), cookies };
}

export async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  server.unref();
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("listens on no port");
  return address.port;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  server.close();
  await once(server, "close");
  return port;
}
