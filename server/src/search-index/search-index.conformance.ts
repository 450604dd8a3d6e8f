import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import fc from "fast-check";
import { brandId, type TeamId } from "../ids.ts";
import { openMemorySearchIndex } from "./memory.ts";
import { RANK_GUARANTEES } from "./rank.conformance.ts";
import type { BuildRef, Candidate, RankQuery, SearchIndex } from "./search-index.ts";
import { ask, bucket, chunks, file, manyFiles, places, ref } from "./test-chunks.ts";

/** Every adapter runs all of it; a skip names the test and needs a reason beside it. */
export function describeSearchIndex(
  name: string,
  open: () => Promise<SearchIndex>,
  options: { readonly skip: readonly string[] },
): void {
  describe(`search index: ${name}`, () => {
    let index: SearchIndex;
    before(async () => {
      index = await open();
    });
    after(() => index.close());
    // Each test has two teams of its own.
    let team: TeamId;
    let other: TeamId;
    let teams = 0;
    beforeEach(() => {
      team = brandId("team", `team_${1000 + teams++}`);
      other = brandId("team", `team_${1000 + teams++}`);
    });
    const guarantee = (title: string, run: () => Promise<void>) => {
      test(title, { skip: options.skip.includes(title) }, run);
    };

    guarantee("a written chunk is found by its words, with what a citation needs", async () => {
      await index.write(team, chunks("file_1", ["Zebras graze at dawn."], { title: "Animals" }));
      const [found, ...others] = (await index.rank(team, ask("zebra"))).candidates;
      assert.deepEqual(others, []);
      assert.ok(found !== undefined && found.score > 0);
      const { score: _, ...cited } = found;
      const text = "Zebras graze at dawn.";
      const page = 7;
      assert.deepEqual(cited, {
        ...ref("file_1"),
        position: 0,
        page,
        charStart: 100,
        charEnd: 100 + text.length,
        text,
      });
    });

    guarantee("a word of the title finds every chunk of the build", async () => {
      await index.write(team, chunks("file_1", ["one", "two"], { title: "Annual report" }));
      assert.deepEqual(places(await ranked(ask("annual"))), ["file_1/0", "file_1/1"]);
    });

    guarantee("writing a chunk again replaces it and leaves nothing of the first text", async () => {
      await index.write(team, chunks("file_1", ["giraffe"]));
      await index.write(team, chunks("file_1", ["elephant"]));
      assert.deepEqual(places(await ranked(ask("giraffe"))), []);
      assert.deepEqual(places(await ranked(ask("elephant"))), ["file_1/0"]);
      assert.deepEqual(await index.builds(team, null, 10), [{ ...ref("file_1"), chunks: 1 }]);
    });

    guarantee("removing a file takes all its builds and no other file's", async () => {
      await index.write(team, chunks("file_1", ["otter a", "otter b"], { build: "task_1_1" }));
      await index.write(team, chunks("file_1", ["otter c"], { build: "task_1_2" }));
      await index.write(team, chunks("file_2", ["otter d"]));
      await index.removeFile(team, file("file_1"));
      await index.removeFile(team, file("file_1"));
      assert.deepEqual(places(await ranked(ask("otter"))), ["file_2/0"]);
    });

    guarantee("removing a build takes exactly that build", async () => {
      await index.write(team, chunks("file_1", ["otter a"], { build: "task_1_1" }));
      await index.write(team, chunks("file_1", ["otter b", "otter c"], { build: "task_1_2" }));
      await index.removeBuild(team, { file: file("file_1"), build: "task_1_1" });
      const rest = { file: file("file_1"), build: "task_1_2", chunks: 2 };
      assert.deepEqual(await index.builds(team, null, 10), [rest]);
      await index.removeBuild(team, { file: file("file_2"), build: "task_1_2" });
      assert.deepEqual(await index.builds(team, null, 10), [rest]);
    });

    guarantee("what came and went leaves the scores of what stayed as they were", async () => {
      await index.write(team, chunks("file_1", ["otter stream", "badger wood", "heron lake"]));
      const before = await index.rank(team, ask("otter"));
      for (let i = 0; i < 3; i++) {
        await index.write(
          team,
          chunks(
            "file_2",
            Array.from({ length: 40 }, (_, n) => `otter passing through ${n}`),
          ),
        );
        await index.removeFile(team, file("file_2"));
      }
      assert.deepEqual(await index.rank(team, ask("otter")), before);
    });

    guarantee("another team's documents change neither results nor scores, and are not seen", async () => {
      await index.write(team, chunks("file_1", ["otter stream", "badger wood"]));
      const before = await index.rank(team, ask("otter"));
      await index.write(other, chunks("file_9", ["otter otter", "otter sea"]));
      assert.deepEqual(await index.rank(team, ask("otter")), before);
      assert.deepEqual(await index.builds(team, null, 10), [{ ...ref("file_1"), chunks: 2 }]);
      const known = await index.teams();
      assert.ok(known.includes(team) && known.includes(other));
      await index.removeFile(other, file("file_1"));
      assert.deepEqual(await index.rank(team, ask("otter")), before);
    });

    guarantee("a team without an index finds nothing and gets none by asking", async () => {
      assert.deepEqual(await index.rank(team, ask("otter")), { candidates: [], complete: true, termsIgnored: [] });
      assert.deepEqual(await index.builds(team, null, 10), []);
      await index.removeFile(team, file("file_1"));
      assert.deepEqual(await ranked(ask("otter")), []);
    });

    guarantee("hints let everything through that has them", async () => {
      const both = { buckets: ["bucket_a", "bucket_b"], tags: ["red", "Größe, L"] };
      await index.write(team, chunks("file_1", ["otter"], both));
      await index.write(team, chunks("file_2", ["otter"], { buckets: ["bucket_b"], tags: ["red"] }));
      await index.write(team, chunks("file_3", ["otter"], { buckets: ["bucket_c"] }));
      const cases: readonly [Partial<RankQuery>, readonly string[]][] = [
        [{ buckets: [bucket("bucket_a")] }, ["file_1/0"]],
        [{ buckets: [bucket("bucket_a"), bucket("bucket_c")] }, ["file_1/0", "file_3/0"]],
        [{ tags: ["red"] }, ["file_1/0", "file_2/0"]],
        [{ tags: ["red", "Größe, L"] }, ["file_1/0"]],
        [{ files: [file("file_2"), file("file_3")] }, ["file_2/0", "file_3/0"]],
        [{ files: [file("file_2"), ...manyFiles(999)] }, ["file_2/0"]],
        [{ files: [] }, []],
        [{ buckets: [bucket("bucket_b")], tags: ["red"], files: [file("file_1")] }, ["file_1/0"]],
      ];
      for (const [hints, expected] of cases) {
        const found = places(await ranked({ ...ask("otter"), ...hints }));
        for (const place of expected)
          assert.ok(found.includes(place), `${JSON.stringify(hints).slice(0, 80)} lost ${place}`);
        if (hints.files?.length === 0) assert.deepEqual(found, []);
      }
    });

    guarantee("hints are no words: no query finds a chunk by its ids or tags", async () => {
      await index.write(team, chunks("file_1", ["otter"], { buckets: ["bucket_a"], tags: ["secret"] }));
      for (const text of ["file_1", "file", "bucket_a", "bucket", "secret", "tag"])
        assert.deepEqual(await ranked(ask(text)), [], text);
    });

    guarantee("no character of a query is an operator", async () => {
      await index.write(team, chunks("file_1", ["otter and badger"]));
      const queries = [
        '"otter',
        "otter*",
        "otter AND nothing",
        "NOT otter",
        "title:otter",
        "otter)",
        "(otter",
        "-otter",
        "ot\0 otter",
      ];
      for (const text of [
        ...queries,
        "otter^2",
        "NEAR(otter, 2)",
        "{hints}: otter",
        "'; DROP TABLE chunks; -- otter",
      ]) {
        assert.deepEqual(places(await ranked(ask(text))), ["file_1/0"], text);
      }
      for (const text of ["", "   ", "*", '"', "()", "-", "🙂", "\0"])
        assert.deepEqual(await ranked(ask(text)), [], text);
    });

    guarantee("equal scores stand in order of file, then position, wherever the list is cut", async () => {
      for (const name of ["file_c", "file_a", "file_b"])
        await index.write(team, chunks(name, ["otter", "otter", "otter"]));
      const all = ["a", "b", "c"].flatMap((f) => [0, 1, 2].map((position) => `file_${f}/${position}`));
      for (let limit = 1; limit <= 9; limit++) {
        const { candidates, complete } = await index.rank(team, { ...ask("otter"), limit });
        assert.deepEqual(places(candidates), all.slice(0, limit));
        assert.equal(complete, limit === 9);
      }
    });

    guarantee(
      "the term budget looks up the words that weigh most, always one, names the others as spelled, and scores by all",
      async () => {
        await index.write(
          team,
          chunks(
            "file_1",
            Array.from({ length: 30 }, (_, n) => `common ${n < 10 ? "middling" : ""} ${n < 1 ? "rare" : ""}`),
          ),
        );
        const cases: readonly [number | null, readonly string[]][] = [
          [null, []],
          [100, []],
          [40, ["COMMON"]],
          [11, ["COMMON"]],
          [10, ["COMMON", "Middling"]],
          [0, ["COMMON", "Middling"]],
        ];
        for (const [termBudgetRows, ignored] of cases) {
          const ranking = await index.rank(team, { ...ask("COMMON absent Middling rare"), termBudgetRows });
          assert.deepEqual(ranking.termsIgnored, ignored, String(termBudgetRows));
          assert.equal(places(ranking.candidates)[0], "file_1/0");
        }
        const frequentOnly = await index.rank(team, { ...ask("common"), termBudgetRows: 1 });
        assert.equal(frequentOnly.candidates.length, 30);
      },
    );

    guarantee(
      "a chunk that holds the whole query word for word comes first, however common its words are",
      async () => {
        const common = Array.from(
          { length: 60 },
          (_, n) => `itself presented to the king and presented itself to queen ${n}`,
        );
        await index.write(
          team,
          chunks("file_1", [...common, "a difficulty that had presented itself to the colonel of the guard"]),
        );
        const [first] = (await index.rank(team, { ...ask("that had presented itself to the colonel"), limit: 3 }))
          .candidates;
        assert.equal(first?.position, 60);
        const [short] = (await index.rank(team, { ...ask("that had presented itself"), limit: 1 })).candidates;
        assert.equal(short?.position, 60);
      },
    );

    for (const { title, run } of RANK_GUARANTEES) guarantee(title, () => run(index, team));

    guarantee("what this version wrote needs no refresh", async () => {
      await index.write(team, chunks("file_1", ["otter"]));
      const nobody = () => Promise.reject(new Error("it asked for names"));
      assert.equal(await index.refresh(team, nobody), 0);
      assert.deepEqual(places(await ranked(ask("otter"))), ["file_1/0"]);
      assert.equal(await index.refresh(other, nobody), 0);
    });

    guarantee("a discarded index holds nothing, takes everything again, and is no other team's", async () => {
      for (const each of [team, other]) await index.write(each, chunks("file_1", ["zebra"]));
      await index.discard(team);
      await index.discard(team);
      assert.deepEqual([await ranked(ask("zebra")), await index.builds(team, null, 10)], [[], []]);
      assert.equal((await index.rank(other, ask("zebra"))).candidates.length, 1);
      await index.write(team, chunks("file_2", ["zebra"]));
      assert.deepEqual(places(await ranked(ask("zebra"))), ["file_2/0"]);
      assert.deepEqual(index.damaged(), []);
    });

    guarantee("builds come in pages, each once", async () => {
      const names = ["file_a", "file_b", "file_c", "file_d", "file_e"];
      for (const name of names) await index.write(team, chunks(name, ["x", "y"]));
      const seen: BuildRef[] = [];
      for (let after: BuildRef | null = null; ; after = seen.at(-1) ?? null) {
        const page: readonly BuildRef[] = await index.builds(team, after, 2);
        seen.push(...page);
        if (page.length < 2) break;
      }
      assert.deepEqual(
        seen.map((each) => each.file),
        names,
      );
    });

    guarantee("rank agrees with the reference, score for score, whatever is written, removed and asked", async () => {
      let rounds = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(arbitraryStep, { minLength: 1, maxLength: 12 }),
          arbitraryQuery,
          async (steps, query) => {
            const fresh = brandId("team", `team_${name}_${rounds++}`);
            const reference = openMemorySearchIndex();
            for (const step of steps) for (const each of [index, reference]) await step(each, fresh);
            const [actual, expected] = [await index.rank(fresh, query), await reference.rank(fresh, query)];
            assert.deepEqual(actual.termsIgnored, expected.termsIgnored);
            assert.equal(actual.complete, expected.complete);
            assert.deepEqual(actual.candidates.length, expected.candidates.length);
            for (const [position, candidate] of actual.candidates.entries()) {
              assertClose(candidate.score, expected.candidates[position]?.score ?? Number.NaN);
            }
            assert.deepEqual(await index.builds(fresh, null, 100), await reference.builds(fresh, null, 100));
          },
        ),
        { numRuns: 60 },
      );
    });

    async function ranked(query: RankQuery): Promise<readonly Candidate[]> {
      return (await index.rank(team, query)).candidates;
    }
  });
}

function assertClose(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.max(1e-6, Math.abs(expected)), `${actual} is not ${expected}`);
}

// A small vocabulary, so that words, files and builds meet often.
const arbitraryText = fc
  .array(
    fc.constantFrom(
      "otter",
      "badger",
      "heron",
      "Heron's",
      "the",
      "of",
      "東京都",
      "ÉCOLE",
      "42",
      "lake",
      "e-mail",
      "KT-5",
      '"heron lake"',
    ),
    {
      maxLength: 12,
    },
  )
  .map((words) => words.join(" "));
const arbitraryFile = fc.constantFrom("file_a", "file_b", "file_c");
const arbitraryBuild = fc.constantFrom("task_1_1", "task_1_2");

type Step = (on: SearchIndex, team: TeamId) => Promise<void>;

const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: arbitraryWrite() },
  {
    weight: 1,
    arbitrary: arbitraryFile.map(
      (name): Step =>
        (index, team) =>
          index.removeFile(team, file(name)),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(arbitraryFile, arbitraryBuild).map(
      ([name, build]): Step =>
        (index, team) =>
          index.removeBuild(team, ref(name, build)),
    ),
  },
);

function arbitraryWrite(): fc.Arbitrary<Step> {
  const parts = fc.tuple(arbitraryFile, arbitraryBuild, arbitraryText, fc.array(arbitraryText, { maxLength: 5 }));
  return parts.map(
    ([name, build, title, texts]): Step =>
      (on, fresh) =>
        on.write(fresh, chunks(name, texts, { build, title })),
  );
}

const arbitraryQuery: fc.Arbitrary<RankQuery> = fc
  .record({ text: arbitraryText, limit: fc.integer({ min: 1, max: 20 }), termBudgetRows: fc.option(fc.nat(20)) })
  .map((parts) => ({ ...ask(""), ...parts }));
