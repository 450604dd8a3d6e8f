import { connect, type Socket } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { Readers } from "../processes/readers.ts";

/**
 * Entry of the slow readers (processes/readers.ts): what to read on stdin, one JSON document on stdout when all of
 * them have begun.
 */
await main();

const TURN_MS = 100;

async function main(): Promise<void> {
  const readers: unknown = await json(process.stdin);
  if (!isReaders(readers)) throw new Error("what to read comes on stdin");
  const sockets = await Promise.all(Array.from({ length: readers.count }, () => begun(readers)));
  process.stdout.write(JSON.stringify({ reading: sockets.length }));
  const turnBytes = Math.ceil((readers.bytesPerSecond * TURN_MS) / 1000);
  for (;;) {
    await sleep(TURN_MS);
    for (const socket of sockets) {
      if (socket.destroyed) throw new Error("a reader was cut");
      // Null: fewer bytes are here; then they are taken in the next turn.
      socket.read(turnBytes);
    }
  }
}

/**
 * A connection on which the content has begun to come. Buffers are those of any client: what waits in them has
 * left the server.
 */
function begun({ url, key, file }: Readers): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) });
    socket.once("error", reject);
    socket.write(
      `GET /v1/knowledge/files/${file}/content HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${key}\r\n\r\n`,
    );
    socket.once("readable", () => {
      const head = String(socket.read(15));
      if (head.startsWith("HTTP/1.1 200")) resolve(socket);
      else reject(new Error(`a reader was answered ${head}`));
    });
  });
}

function isReaders(value: unknown): value is Readers {
  return typeof value === "object" && value !== null && "file" in value && "bytesPerSecond" in value;
}
