import assert from "node:assert/strict";
import { test } from "node:test";
import { Api } from "../support/api.ts";
import { TestServer } from "../support/server.ts";
import { mountSmallDisk } from "./small-disk.ts";

const disk = await mountSmallDisk(48 * 1024 * 1024);

test("a start on a disk without a free byte says what to do, harms nothing, and succeeds when there is room", {
  skip: typeof disk === "string" ? disk : false,
}, async () => {
  if (typeof disk === "string") return;
  const server = await TestServer.start({}, disk.path);
  try {
    const note = await new Api(server.url, server.key).indexed("The harbour master keeps the lights.");
    assert.equal(await server.end(), 0);
    await disk.fillTo(0);
    await assert.rejects(server.begin(), /There is no room on the disk of .* a start needs about a megabyte/);
    assert.notEqual(await server.end(), 78, "a supervisor tries again");
    await disk.relieve();
    await server.begin();
    const api = new Api(server.url, server.key);
    assert.equal((await api.content(note)).text, "The harbour master keeps the lights.");
    assert.equal((await api.deleteFile(note)).status, 200);
  } finally {
    await server.end();
    await disk.close();
  }
});
