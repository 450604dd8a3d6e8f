import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LIMITS } from "../../src/limits.ts";
import { Api, FILES } from "../support/api.ts";
import { type RawAnswer, RawConnection } from "../support/raw.ts";
import { NEEDS_OWN_SERVER, ownServer } from "../support/target.ts";

/** One key asked for 220 downloads and read none of them: it had all 200 places, and every other team was refused for as long as it liked. */
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
        await connection.writeHead("GET", `${url}${FILES}/${large}/content`, [`Authorization: Bearer ${loud.key}`]);
        return connection;
      }),
    );
    try {
      // A refusal is short; a download is never whole, since nobody reads it. The first one says that the places are taken.
      const refused = await Promise.race(
        connections.map(async (connection) => {
          const answer = await connection.readAnswer(60_000).catch(() => null);
          connection.pauseReading();
          return answer ?? new Promise<RawAnswer>(() => {});
        }),
      );
      assert.equal(refused.status, 503);
      for (const path of [`${FILES}/${note}/content`, `${FILES}/${note}/text`, "/v1/knowledge/buckets"])
        assert.equal((await quiet.get(path)).status, 200, path);
      assert.match(refused.body, /downloads under way as its share allows/);
    } finally {
      for (const connection of connections) connection.destroy();
    }
  });
});
