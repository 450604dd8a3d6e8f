import type { Answer } from "../../src/agents/answer.ts";
import { AGENT_LIMITS } from "../../src/agents/limits.ts";
import { createProfile, deleteProfile, updateProfile } from "../../src/agents/profiles.store.ts";
import { blankQuotes, deleteResponse, forgetResponses, keepResponse } from "../../src/agents/responses.store.ts";
import { recount } from "../../src/doctor/store.ts";
import { deleteFile } from "../../src/files/delete-file.store.ts";
import type { FileId, TeamId } from "../../src/ids.ts";
import type { CatalogueUnderTest, Making, Rivals } from "./under-test.ts";
import { caller, World } from "./world.ts";

/** Profiles, and kept answers beside the deletion of what they quote. */
export const RIVALS_OF_AGENTS: readonly Rivals[] = [
  {
    name: "a team with an agent profile",
    naive: ["createProfile beside createProfile"],
    async prepare(on) {
      const { call } = caller(on);
      const { teamId } = await World.open(on);
      const profile = { teamId, profileId: "one", name: "One", bucketIds: [], instructions: "", enabled: true };
      await on.catalogue.run(createProfile, profile);
      return {
        createProfile: () => call(createProfile, { ...profile, profileId: "two" }),
        createItAgain: () => call(createProfile, profile),
        updateProfile: () => call(updateProfile, { teamId, profileId: "one", changes: { name: "First" } }),
        disable: () => call(updateProfile, { teamId, profileId: "one", changes: { enabled: false } }),
        deleteProfile: () => call(deleteProfile, { teamId, profileId: "one" }),
      };
    },
  },
  {
    name: "a kept answer that quotes two files",
    about: ["keepResponse", "deleteResponse", "forgetResponses", "blankFirst"],
    naive: ["blankFirst beside blankSecond"],
    async prepare(on) {
      const world = await World.open(on);
      const { teamId } = world;
      const [first, second] = [await world.indexed(), await world.indexed()];
      const kept = answerOf(on, [first.fileId, second.fileId]);
      await on.catalogue.run(keepResponse, { teamId, question: "?", answer: kept, maxBytes: KEPT_BYTES });
      return {
        ...quoting(on, teamId, kept, [first.fileId, second.fileId]),
        deleteFile: () =>
          caller(on).call(deleteFile, { teamId, fileId: first.fileId, removalTaskId: on.ids.next("task") }),
      };
    },
  },
  {
    name: "a team whose kept answers leave no room for another",
    about: ["keepResponse"],
    naive: [],
    async prepare(on) {
      const world = await World.open(on);
      const { teamId } = world;
      const [first, second] = [await world.indexed(), await world.indexed()];
      const files = [first.fileId, second.fileId] as const;
      const answers = Array.from({ length: 4 }, () => answerOf(on, files));
      for (const answer of answers)
        await on.catalogue.run(keepResponse, { teamId, question: "?", answer, maxBytes: KEPT_BYTES });
      const { bytes } = await on.db.selectFrom("response_totals").select("bytes").executeTakeFirstOrThrow();
      const [oldest] = answers;
      if (oldest === undefined) throw new Error("there are four");
      const { call } = caller(on);
      const keep = () => ({ teamId, question: "?", answer: answerOf(on, files), maxBytes: bytes });
      return {
        keepResponse: () => call(keepResponse, keep()),
        deleteOldest: () => call(deleteResponse, { teamId, id: oldest.id }),
        recount: () => call(recount, { buckets: [], teams: [teamId] }),
      };
    },
  },
  {
    name: "a kept answer whose time is over, of a file that was deleted",
    about: ["forgetResponses", "blankFirst"],
    naive: [],
    async prepare(on) {
      const world = await World.open(on);
      const { teamId } = world;
      const [first, second] = [await world.indexed(), await world.indexed()];
      const kept = answerOf(on, [first.fileId, second.fileId]);
      await on.catalogue.run(keepResponse, { teamId, question: "?", answer: kept, maxBytes: KEPT_BYTES });
      await on.catalogue.run(deleteFile, { teamId, fileId: first.fileId, removalTaskId: on.ids.next("task") });
      on.passMs(AGENT_LIMITS.keepMs + 1);
      return quoting(on, teamId, kept, [first.fileId, second.fileId]);
    },
  },
];

/** Room enough. */
export const KEPT_BYTES = 1_000_000;

/** What may happen to a kept answer, and to the files that it quotes. */
function quoting(on: CatalogueUnderTest, teamId: TeamId, kept: Answer, files: readonly [FileId, FileId]): Making {
  const { call } = caller(on);
  const [first, second] = files;
  return {
    keepResponse: () =>
      call(keepResponse, { teamId, question: "again?", answer: answerOf(on, files), maxBytes: KEPT_BYTES }),
    deleteResponse: () => call(deleteResponse, { teamId, id: kept.id }),
    forgetResponses: () => call(forgetResponses, { limit: 10 }),
    blankFirst: () => call(blankQuotes, { fileId: first, limit: 10 }),
    blankSecond: () => call(blankQuotes, { fileId: second, limit: 10 }),
  };
}

/** An answer that quotes these files. */
export function answerOf(on: Pick<CatalogueUnderTest, "ids">, files: readonly FileId[]): Answer {
  return {
    id: on.ids.next("resp"),
    model: "calypso-rag-agent",
    createdAt: 1,
    conversationId: "c",
    previousId: null,
    queries: ["?"],
    given: files.map((fileId) => ({
      fileId,
      filename: "a.txt",
      title: "",
      page: 1,
      charStart: 0,
      charEnd: 5,
      text: "words",
      score: 1,
    })),
    text: "words [1]",
    sources: [0],
    citations: [{ at: 6, source: 0 }],
    supports: [{ text: "words", sources: [0] }],
    usage: { inputTokens: 1, outputTokens: 1 },
    metadata: {},
  };
}
