import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { metadataFingerprint } from "../../src/files/metadata-fingerprint.ts";
import { Api } from "../support/api.ts";
import { at, listAt, shown } from "../support/json.ts";
import { NEEDS_OWN_SERVER, ownServer } from "../support/target.ts";
import { answersPerQuietOne, LoudTeam } from "./loud-team.ts";
import { seedFiles } from "./seeded-rows.ts";

/**
 * Filters of which each is common, and that never meet: a list, or a search's metadata filter, walked all files of the
 * team in one read (4 s for 300 000), in the thread that every request of every team needs for its key.
 */
const server = NEEDS_OWN_SERVER === false ? await ownServer() : null;
const loud = new Api(server?.url ?? "", server?.key ?? "");
const FILES = 40_000;
const CALLERS = 8;
const METADATA = { year: 2024, draft: true, kind: "memo" };
const PAIRS = Object.entries(METADATA).map(([key, value]) => metadataFingerprint(key, value));
let base = "";
let quietKey = "";

async function seed(): Promise<void> {
  assert.ok(server !== null);
  quietKey = await server.mintKey("quiet");
  await server.end();
  seedFiles(join(server.dataDir, "catalogue.db"), {
    team: "default",
    count: FILES,
    tagsOf: (n) => (n < FILES / 2 ? ["old"] : ["new", "a", "b"]),
    metadataOf: (n) => (n < FILES / 2 ? PAIRS.slice(0, 1) : PAIRS.slice(1)),
  });
  await server.begin();
  base = server.url;
}

describe("beside a team whose filters match nothing", { skip: NEEDS_OWN_SERVER, timeout: 300_000 }, () => {
  before(seed);

  /** Who the quiet team is, asked while the loud one asks for this: authentication waits behind no walk. */
  const askBeside = async (ask: (api: Api) => Promise<Awaited<ReturnType<Api["get"]>>>) => {
    const [api, quiet] = [new Api(base, loud.key), new Api(base, quietKey)];
    const team = new LoudTeam(CALLERS, () => ask(api));
    const each = await answersPerQuietOne(team, 20, () => quiet.get("/v1/connection"));
    await team.stop();
    assert.deepEqual([...team.statuses.keys()], [200]);
    return each;
  };

  test("another team's key is looked up between the reads of a list, not behind lists", async () => {
    const each = await askBeside((api) =>
      api.get("/v1/knowledge/files?limit=1&tag=old&tag=new&tag=a&tag=b", {}, 120_000),
    );
    assert.ok(each < CALLERS / 3, `the loud team had ${each} lists before each answer of the quiet team`);
  });

  test("and between those of a search's metadata filter", async () => {
    const each = await askBeside((api) => api.search({ query: "x", filters: { metadata: METADATA } }));
    assert.ok(each < CALLERS / 3, `the loud team had ${each} searches before each answer of the quiet team`);
  });

  test("a page before the end may be empty; whoever goes on to the end has found every match once (§12 lists)", async () => {
    const api = new Api(base, loud.key);
    for (const [query, matches] of [
      ["tag=old&tag=new&tag=a&tag=b", 0],
      ["tag=old&status=failed", FILES / 2],
    ] as const) {
      const seen = new Set<unknown>();
      let pages = 0;
      for (let cursor: unknown = ""; cursor !== null; pages++) {
        const more = cursor === "" ? "" : `&cursor=${encodeURIComponent(String(cursor))}`;
        const { status, json } = await api.get(`/v1/knowledge/files?limit=200&${query}${more}`, {}, 120_000);
        assert.equal(status, 200, shown(json));
        for (const file of listAt(json, "files")) seen.add(at(file, "id"));
        cursor = at(json, "next_cursor");
      }
      assert.equal(seen.size, matches, query);
      assert.ok(pages > 1);
    }
  });
});
