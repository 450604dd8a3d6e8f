import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface CuttingProxy {
  /** The same URL through the proxy. */
  through(url: string): string;
  /** Connections that were cut. */
  readonly cuts: number;
  close(): Promise<void>;
}

/**
 * A TCP proxy on loopback that breaks its first `times` connections which carry more than `afterBytes` from the client:
 * a network that fails in the middle of a body. Probes are short, so they pass.
 */
export async function openCuttingProxy(target: string, afterBytes: number, times: number): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let cuts = 0;
  const proxy = createServer((client) => {
    const server = connect({ host: hostname, port: Number(port) });
    let sent = 0;
    for (const socket of [client, server]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on("data", (piece) => {
      sent += piece.length;
      if (sent > afterBytes && cuts < times) {
        cuts += 1;
        // What came through is delivered; then both sides see the connection break.
        server.end(() => client.destroy());
        return;
      }
      if (!server.write(piece)) {
        client.pause();
        server.once("drain", () => client.resume());
      }
    });
    server.on("data", (piece) => client.write(piece));
    server.on("end", () => client.end());
    client.on("end", () => server.end());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address: AddressInfo | string | null = proxy.address();
  if (address === null || typeof address === "string") throw new Error("the proxy listens on no port");
  return {
    through: (url) => {
      const through = new URL(url);
      through.host = `127.0.0.1:${address.port}`;
      return through.href;
    },
    get cuts() {
      return cuts;
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}
