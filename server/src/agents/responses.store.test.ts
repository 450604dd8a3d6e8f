import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { answerOf } from "../../test/catalogue/rivals-of-agents.ts";
import type { TeamId } from "../ids.ts";
import { openTestCatalogue, type TestCatalogue } from "../tasks/test-catalogue.ts";
import { MINUTE } from "../units.ts";
import { AGENT_LIMITS } from "./limits.ts";
import {
  blankQuotes,
  deleteResponse,
  findResponse,
  forgetResponses,
  keepResponse,
  readTurns,
} from "./responses.store.ts";

let on: TestCatalogue;
before(async () => {
  on = await openTestCatalogue();
});
after(() => on.close());

const ROOM = 1_000_000;

async function kept(teamId: TeamId, text: string, maxBytes = ROOM, files: Parameters<typeof answerOf>[1] = []) {
  const answer = { ...answerOf(on, files), text, createdAt: on.now() };
  await on.catalogue.run(keepResponse, { teamId, question: "?", answer, maxBytes });
  on.passMs(1);
  return answer.id;
}

const isThere = async (teamId: TeamId, id: Awaited<ReturnType<typeof kept>>) =>
  (await on.catalogue.run(findResponse, { teamId, id })) !== null;

/** What the team's total says, and what its rows are. */
async function totals(teamId: TeamId) {
  const total = await on.db.selectFrom("response_totals").select("bytes").where("team_id", "=", teamId).execute();
  const rows = await on.db.selectFrom("responses").selectAll().where("team_id", "=", teamId).execute();
  const bytes = rows.reduce((sum, row) => sum + Buffer.byteLength(row.question) + Buffer.byteLength(row.answer), 0);
  return { total: total[0]?.bytes ?? 0, bytes };
}

async function assertCounted(teamId: TeamId): Promise<number> {
  const { total, bytes } = await totals(teamId);
  assert.equal(total, bytes);
  return bytes;
}

test("A kept answer is there for 30 days, and then forgotten with what it quoted (AGT-6)", async () => {
  const team = await on.newTeam();
  const file = await on.newFile({ team, bucket: await on.newBucket(team) });
  const id = await kept(team, "words", ROOM, [file.fileId]);
  on.passMs(AGENT_LIMITS.keepMs - MINUTE);
  assert.equal(await isThere(team, id), true);
  assert.equal(await on.catalogue.run(forgetResponses, { limit: 10 }), 0);
  on.passMs(MINUTE);
  assert.equal(await isThere(team, id), false, "its time is over, whether or not it was swept");
  assert.equal(await on.catalogue.run(forgetResponses, { limit: 10 }), 1);
  assert.equal(await assertCounted(team), 0);
  assert.deepEqual(await on.db.selectFrom("response_quotes").selectAll().execute(), []);
});

test("What a team keeps has a bound: the oldest make room, of that team alone, and the newest is always kept", async () => {
  const [loud, quiet] = [await on.newTeam(), await on.newTeam()];
  const theirs = await kept(quiet, "theirs");
  const first = await kept(loud, "x".repeat(1000));
  const one = await assertCounted(loud);
  const room = 3 * one;
  const more = [await kept(loud, "y".repeat(1000), room), await kept(loud, "z".repeat(1000), room)];
  assert.equal(await isThere(loud, first), true, "what fits stays");
  const fourth = await kept(loud, "a".repeat(1000), room);
  const there = await Promise.all([first, ...more, fourth].map((id) => isThere(loud, id)));
  assert.deepEqual(there, [false, true, true, true]);
  assert.ok((await assertCounted(loud)) <= room);
  const large = await kept(loud, "b".repeat(10 * room), room);
  assert.equal(await isThere(loud, large), true);
  assert.equal(await isThere(loud, fourth), false);
  await kept(loud, "small again", room);
  assert.equal(await isThere(loud, large), false);
  assert.equal(await isThere(quiet, theirs), true);
  await assertCounted(quiet);
});

test("A team's total follows its answers, whatever happens to them", async () => {
  const team = await on.newTeam();
  const file = await on.newFile({ team, bucket: await on.newBucket(team) });
  const ids = [await kept(team, "words", ROOM, [file.fileId]), await kept(team, "ü".repeat(100))];
  const before = await assertCounted(team);
  await on.catalogue.run(blankQuotes, { fileId: file.fileId, limit: 10 });
  assert.notEqual(await assertCounted(team), before);
  for (const id of ids) {
    await on.catalogue.run(deleteResponse, { teamId: team, id });
    await assertCounted(team);
  }
  assert.equal(await assertCounted(team), 0);
});

test("of a conversation that branched, the turns that led to a response are read, and no others (AGT-6)", async () => {
  const team = await on.newTeam();
  const say = async (text: string, previousId: Awaited<ReturnType<typeof kept>> | null) => {
    const answer = { ...answerOf(on, []), text, conversationId: "branched", previousId, createdAt: on.now() };
    await on.catalogue.run(keepResponse, { teamId: team, question: "?", answer, maxBytes: ROOM });
    on.passMs(1);
    return answer.id;
  };
  const turns = async (upTo: Awaited<ReturnType<typeof kept>> | null) =>
    (await on.catalogue.run(readTurns, { teamId: team, conversationId: "branched", upTo })).map(({ answer }) => answer);
  const first = await say("1", null);
  const second = await say("2", first);
  const again = await say("2 again", first);
  const third = await say("3", second);
  const other = await say("3 of again", again);
  assert.deepEqual(await turns(third), ["1", "2", "3"]);
  assert.deepEqual(await turns(other), ["1", "2 again", "3 of again"]);
  assert.deepEqual(await turns(first), ["1"]);
  assert.deepEqual(await turns(null), ["1", "2", "2 again", "3", "3 of again"]);
  await on.catalogue.run(deleteResponse, { teamId: team, id: second });
  const left = await turns(third);
  assert.equal(left[0], "1", "what it continued is gone: it goes on from what was said before");
  assert.ok(!left.includes("2"));
});
