import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "./limits.ts";
import { shareOpenFiles } from "./open-file-limit.ts";

test("with room for all, each share is its own limit", () => {
  assert.deepEqual(shareOpenFiles(1_048_576), { connections: LIMITS.maxConnections, folders: LIMITS.openFolders });
});

test("with little, clients cannot use up what the rest needs", () => {
  for (const limit of [1024, 2048, 4096, 16_384]) {
    const { connections, folders } = shareOpenFiles(limit);
    assert.ok(connections >= 16 && folders >= 128);
    assert.ok(
      connections * 2.2 + folders <= limit - 512 - LIMITS.reservedConnections,
      `${limit}: ${connections}, ${folders}`,
    );
  }
  assert.ok(shareOpenFiles(256).connections >= 16);
});
