import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { addressBytes, peerOf } from "./address.ts";
import { unacknowledgedBytes } from "./kernel-queue.ts";

test("an IPv4 peer is its address, also when it is mapped; an IPv6 peer its /64", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["::ffff:c000:207", "192.0.2.7"],
    ["::1", "0000000000000000/64"],
    ["2001:db8::1", "20010db800000000/64"],
    ["2001:db8:0:0:ffff::", "20010db800000000/64"],
    ["2001:db8:0:1::1", "20010db800000001/64"],
    ["fe80::1%eth0", "fe80000000000000/64"],
    ["1:2:3:4:5:6:7:8", "0001000200030004/64"],
    ["1:2:3:4:5:6:7.8.9.10", "0001000200030004/64"],
    ["no address", "no address"],
  ];
  for (const [address, peer] of cases) assert.equal(peerOf(address), peer, address);
  assert.deepEqual([...(addressBytes("1:2:3:4:5:6:7.8.9.10") ?? [])].slice(-6), [0, 6, 7, 8, 9, 10]);
});

for (const [host, from] of [
  ["127.0.0.1", "127.0.0.9"],
  ["::1", "::1"],
  ["::", "127.0.0.1"],
] as const)
  test(`what a peer has not taken is counted by the kernel: listening on ${host}, reached from ${from}`, async (t) => {
    if (process.platform !== "linux") return t.skip("the table is Linux's");
    const server = createServer();
    server.listen(0, host);
    const accepted = once(server, "connection");
    const [failed] = await Promise.race([once(server, "error"), once(server, "listening").then(() => [null])]);
    if (failed !== null) return t.skip("no IPv6 here");
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    const client = connect({ port: address.port, host: host === "::" ? from : host, localAddress: from });
    client.pause();
    const [socket]: Socket[] = await accepted;
    assert.ok(socket);
    assert.deepEqual([...((await unacknowledgedBytes([socket])) ?? [])], [[socket, 0]]);
    socket.write(Buffer.alloc(32 * 1024 * 1024));
    // More is on its way to the client's own buffer until that is full.
    let queued = 0;
    for (let before = -1; queued === 0 || queued !== before; await new Promise((resolve) => setTimeout(resolve, 50))) {
      before = queued;
      queued = (await unacknowledgedBytes([socket]))?.get(socket) ?? 0;
    }
    client.resume();
    while (client.bytesRead < 16 * 1024 * 1024) await once(client, "data");
    assert.notEqual((await unacknowledgedBytes([socket]))?.get(socket), queued);
    client.destroy();
    socket.destroy();
    server.close();
  });
