import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { addressBytes } from "./address.ts";

/**
 * Bytes that the kernel holds for each of the sockets, which its peer has not acknowledged. An absent socket is none of
 * the system's any more; null where the system has no such table (it is Linux's `/proc/net/tcp`; what `SIOCOUTQ` says,
 * which Node does not reach).
 *
 * With 10 000 connections the kernel needs some 80 ms of processor time for it, beside the main thread, and this
 * thread 1 ms.
 */
export async function unacknowledgedBytes(sockets: Iterable<Socket>): Promise<ReadonlyMap<Socket, number> | null> {
  const wanted = new Map<string, Socket>();
  for (const socket of sockets) for (const spelling of spellingsOf(socket)) wanted.set(spelling, socket);
  const tables = await Promise.all([tableOf("tcp"), tableOf("tcp6")]);
  if (tables.every((table) => table === null)) return null;
  const found = new Map<Socket, number>();
  for (const table of tables) if (table !== null) lookUp(wanted, table, found);
  return found;
}

/**
 * A line is `sl: local:port peer:port state queued:…`, all of it hexadecimal. A pattern for it takes ten times as long.
 */
function lookUp(wanted: ReadonlyMap<string, Socket>, table: string, found: Map<Socket, number>): void {
  for (let from = table.indexOf("\n") + 1; from > 0 && from < table.length; from = table.indexOf("\n", from) + 1) {
    const local = table.indexOf(":", table.indexOf(":", from) + 1);
    const peer = table.indexOf(":", local + 1);
    const socket = wanted.get(table.slice(local + 1, peer + PORT));
    if (socket !== undefined) found.set(socket, Number.parseInt(table.slice(peer + QUEUED, peer + QUEUED + 8), 16));
  }
}

/** Behind the peer's colon: the end of its port, and where the queue's length stands, behind the state. */
const PORT = 5;
const QUEUED = 9;

async function tableOf(name: string): Promise<string | null> {
  return readFile(`/proc/self/net/${name}`, "latin1").catch(() => null);
}

/** `localPort peer:port` as the tables write it. An IPv4 peer stands in either, mapped in the second. */
function spellingsOf(socket: Socket): readonly string[] {
  const port = (number: number | undefined) => (number ?? 0).toString(16).toUpperCase().padStart(4, "0");
  const bytes = addressBytes(socket.remoteAddress ?? "") ?? new Uint8Array();
  const addresses = bytes.length === 4 ? [bytes, Uint8Array.from([...MAPPED, ...bytes])] : [bytes];
  return addresses.map((address) => `${port(socket.localPort)} ${inKernelsOrder(address)}:${port(socket.remotePort)}`);
}

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** As 32-bit words in the order of this machine, which is little-endian wherever Wharf runs. */
function inKernelsOrder(address: Uint8Array): string {
  return Buffer.from(address).swap32().toString("hex").toUpperCase();
}
