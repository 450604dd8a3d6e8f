import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { shareOpenFiles } from "../../src/open-file-limit.ts";
import { Api, FILES } from "../support/api.ts";
import { textAt } from "../support/json.ts";
import { RawConnection } from "../support/raw.ts";
import { NEEDS_OWN_SERVER, ownServer } from "../support/target.ts";
import { figure } from "./loud-team.ts";

/**
 * Held answers cost nothing to ask for: one key had 20 000 of them, each read again every second. A small server, so
 * that few are many.
 */
const OPEN_FILES = 1024;
const server = NEEDS_OWN_SERVER === false ? await ownServer({}, { openFiles: OPEN_FILES }) : null;
const url = server?.url ?? "http://127.0.0.1";
const { connections: CONNECTIONS } = shareOpenFiles(OPEN_FILES);
const ASKED = Math.floor(CONNECTIONS * 0.7);
const SHARE = CONNECTIONS / 2;
const HELD = 'wharf_places_taken{of="polls"}';

describe("beside a team that holds polls on every connection it gets", {
  skip: NEEDS_OWN_SERVER,
  timeout: 300_000,
}, () => {
  test("it holds no more than its share, is answered early instead of refused, and another team's poll is held", async () => {
    assert.ok(server !== null);
    const loud = new Api(url, server.key);
    const quiet = new Api(url, await server.mintKey("quiet"));
    const [file, note] = [await loud.indexed("one"), await quiet.indexed("two")];
    const etagOf = async (api: Api, id: string) => String((await api.file(id)).headers["etag"]);
    const etag = await etagOf(loud, file);
    const connections = await Promise.all(Array.from({ length: ASKED }, () => RawConnection.open(url)));
    try {
      let early = 0;
      const enough = new Promise<void>((resolve) => {
        const count = (status: number | undefined) => {
          if (status === 304) early += 1;
          if (status !== 304 || early >= ASKED - SHARE) resolve();
        };
        for (const connection of connections) {
          const headers = [`Authorization: Bearer ${loud.key}`, `If-None-Match: ${etag}`];
          connection
            .writeHead("GET", `${url}${FILES}/${file}?wait=60`, headers)
            .then(() => connection.readAnswer(30_000))
            .then(
              (answer) => count(answer?.status),
              () => count(undefined),
            );
        }
      });
      await enough;
      assert.ok(early >= ASKED - SHARE, `${early} of ${ASKED} polls were answered before half of their time`);
      const held = await figure(url, HELD);
      assert.ok(held > 0 && held <= SHARE, `one team holds ${held} polls`);

      const poll = await RawConnection.open(url);
      connections.push(poll);
      await poll.writeHead("GET", `${url}${FILES}/${note}?wait=60`, [
        `Authorization: Bearer ${quiet.key}`,
        `If-None-Match: ${await etagOf(quiet, note)}`,
      ]);
      while ((await figure(url, HELD)) <= held);
      assert.equal((await quiet.deleteFile(note)).status, 200);
      const answer = await poll.readAnswer(60_000);
      assert.equal(textAt(JSON.parse(answer?.body ?? "{}"), "status"), "deleted");
    } finally {
      for (const connection of connections) connection.destroy();
    }
    while ((await figure(url, HELD)) > 0);
  });
});
