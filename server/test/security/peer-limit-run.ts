import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { TestServer } from "../support/server.ts";

/**
 * In a network namespace of its own, whose loopback interface has addresses that are none of loopback: what a server
 * with the settings that it has by itself lets one peer have. With 1 024 open files it has 160 places, a quarter of
 * which is 40.
 */
async function main(): Promise<void> {
  const server = await TestServer.start({ WHARF_HOST: "::", WHARF_WORKERS: "1" });
  try {
    const port = Number(new URL(server.url).port);
    const opened: Socket[] = [];
    /** How many of `count` connections are there after a while. */
    const kept = async (host: string, from: (index: number) => string, count: number): Promise<number> => {
      const sockets = Array.from({ length: count }, (_, index) => connect({ host, port, localAddress: from(index) }));
      opened.push(...sockets);
      for (const socket of sockets) socket.on("error", () => {}).resume();
      const open = () => sockets.filter(({ readyState }) => readyState === "open").length;
      while (sockets.some(({ connecting }) => connecting)) await wait(50);
      // Refused ones are ended in the turns of the loop that accept them.
      let now = open();
      for (let before = -1; now !== before; now = open()) {
        before = now;
        await wait(500);
      }
      return now;
    };
    assert.equal(await kept("10.99.0.1", () => "10.99.0.2", 60), 40);
    assert.equal(await kept("fd00:a::1", (index) => `fd00:a::${(index + 2).toString(16)}`, 60), 40);
    assert.equal(await kept("127.0.0.1", () => "127.0.0.1", 60), 60);
    for (const another of ["10.99.0.1", "fd00:b::1"]) assert.equal(await kept(another, () => another, 1), 1);
    for (const socket of opened) socket.destroy();
  } finally {
    await server.close();
  }
}

if (import.meta.main) await main();
