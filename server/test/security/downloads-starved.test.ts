import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LIMITS } from "../../src/limits.ts";
import { Api, FILES } from "../support/api.ts";
import { RawConnection } from "../support/raw.ts";
import { NEEDS_OWN_SERVER, ownServer } from "../support/target.ts";

/**
 * One key asked for 220 downloads and read none of them: it had all 200 places, and every other team was refused for as
 * long as it liked.
 */
const server = NEEDS_OWN_SERVER === false ? await ownServer() : null;
const url = server?.url ?? "http://127.0.0.1";

describe("beside a team that reads none of its downloads", { skip: NEEDS_OWN_SERVER, timeout: 300_000 }, () => {
  test("another team's download, text and listing of buckets are answered", async () => {
    assert.ok(server !== null);
    const loud = new Api(url, server.key);
    const quiet = new Api(url, await server.mintKey("quiet"));
    const large = await loud.upload(Buffer.alloc(8 * 1024 * 1024, "a b\n"));
    const note = await quiet.indexed("A small document of another team.");
    const connections = await Promise.all(
      Array.from({ length: LIMITS.downloads + 20 }, async () => {
        const connection = await RawConnection.open(url);
        connection.pauseReading();
        await connection.writeHead("GET", `${url}${FILES}/${large}/content`, [`Authorization: Bearer ${loud.key}`]);
        return connection;
      }),
    );
    try {
      // One more is refused once the places of the others are taken.
      let more = await loud.content(large);
      while (more.status !== 503) more = await loud.content(large);
      for (const path of [`${FILES}/${note}/content`, `${FILES}/${note}/text`, "/v1/knowledge/buckets"])
        assert.equal((await quiet.get(path)).status, 200, path);
      assert.match(more.text, /downloads under way as its share allows/);
    } finally {
      for (const connection of connections) connection.destroy();
    }
  });
});
