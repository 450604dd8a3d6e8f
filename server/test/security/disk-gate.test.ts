import assert from "node:assert/strict";
import { statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { Api } from "../support/api.ts";
import { put } from "../support/bytes.ts";
import { proves } from "../support/proves.ts";
import { RawConnection } from "../support/raw.ts";
import { NEEDS_OWN_SERVER, ownServer } from "../support/target.ts";

/**
 * What a request may write is held for it. Held for requests that had ended, it refused everybody else: beside 2 000
 * PUTs a second of one team that ended with their head, 11 of 12 small uploads of another got 503.
 */
const { bavail, bsize } = await statfs(tmpdir());
const FREE = bavail * bsize;
/** Twenty of these are the room that the server has. Not a byte of them is sent. */
const SIZE = Math.min(2 ** 30, Math.floor(FREE / 40));
const server =
  NEEDS_OWN_SERVER === false
    ? await ownServer({
        WHARF_MAX_FILE_BYTES: String(SIZE),
        WHARF_DISK_RESERVE_BYTES: String(FREE - 20 * SIZE),
        WHARF_CREATES_PER_SECOND: "1",
      })
    : null;
const OPTIONS = { skip: NEEDS_OWN_SERVER };

let teams = 0;

async function twoTeams(): Promise<{ readonly loud: Api; readonly quiet: Api }> {
  assert.ok(server !== null);
  // Of names of their own: what a test before created counts in the same second's rate.
  const pair = teams++;
  const [loud, quiet] = [await server.mintKey(`loud-${pair}`), await server.mintKey(`quiet-${pair}`)];
  return { loud: new Api(server.url, loud), quiet: new Api(server.url, quiet) };
}

/** The head of a PUT of everything, whose client leaves once the server has it. */
async function abandonedPut(url: string): Promise<void> {
  const connection = await RawConnection.open(url);
  await connection.writeHead("PUT", url, [`Content-Length: ${SIZE}`, "Expect: 100-continue"]);
  assert.notEqual(await connection.readAnswer(), null);
  connection.destroy();
}

proves(
  ["PUT-20"],
  "uploads that ended hold no room on the disk: another team's are let in",
  async () => {
    const { loud, quiet } = await twoTeams();
    const [abandoned, small] = [await loud.create(SIZE), await quiet.create(100)];
    for (let round = 0; round < 40; round++) await abandonedPut(abandoned.url);
    const answer = await put(small.url, null, Buffer.alloc(100));
    assert.equal(answer.status, 200, answer.text);
  },
  OPTIONS,
);

proves(
  ["PUT-20", "LIM-1"],
  "creates that were refused hold no room on the disk: another team's are let in",
  async () => {
    const { loud, quiet } = await twoTeams();
    for (let round = 0; round < 40; round++) {
      const { status } = await loud.createRaw(loud.createBody(SIZE));
      assert.ok(status === 429 || status === 201, String(status));
    }
    await quiet.create(SIZE);
  },
  OPTIONS,
);
