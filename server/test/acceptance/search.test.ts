import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { FILES } from "../support/api.ts";
import { sampleDocuments } from "../support/documents.ts";
import { at, listAt, numberAt, shown, textAt, without } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

const { api, otherTeam } = await openTarget({ twoTeams: true });

const WORD = `w${randomUUID().replaceAll("-", "")}`;
for (const document of sampleDocuments(WORD))
  proves(
    ["POL-2", "ALL-8"],
    `${document.filename}: each phrase comes back with its page and a range that cuts it out of the text; another bucket has none`,
    async () => {
      const bucket = fresh("cite");
      const fileId = await api.indexed(document.bytes, {
        bucket,
        filename: document.filename,
        content_type: document.contentType,
      });
      const elsewhere = fresh("empty");
      await api.indexed("unrelated", { bucket: elsewhere });
      const pages = listAt((await api.get(`${FILES}/${fileId}/text`)).json, "pages");
      for (const { page, text } of document.phrases) {
        const { json, status } = await api.search({ query: text, bucket });
        assert.equal(status, 200, shown(json));
        const hit = listAt(json, "results").find((result) => textAt(result, "text").includes(text));
        assert.ok(hit !== undefined, `${text} is in no result: ${shown(json)}`);
        assert.equal(textAt(hit, "file_id"), fileId);
        assert.equal(textAt(hit, "filename"), document.filename);
        assert.equal(numberAt(hit, "page"), page);
        assert.deepEqual(listAt(hit, "pages"), [page]);
        const pageText = textAt(
          pages.find((each) => at(each, "page") === page),
          "text",
        );
        assert.equal(pageText.slice(numberAt(hit, "char_start"), numberAt(hit, "char_end")), textAt(hit, "text"));
        assert.equal(textAt(hit, "buckets", 0, "slug"), bucket);
        assertHighlights(hit, text);
        assert.deepEqual(listAt((await api.search({ query: text, bucket: elsewhere })).json, "results"), []);
      }
    },
  );

proves(["POL-2"], "characters beyond the first plane do not shift ranges: they count UTF-16 code units", async () => {
  const bucket = fresh("utf16");
  const fileId = await api.indexed("😀😀 漢字 kanji é e\u0301 needle 😀 end", { bucket });
  const hit = listAt((await api.search({ query: "needle", bucket })).json, "results")[0];
  const text = textAt((await api.get(`${FILES}/${fileId}/text?page=1`)).json, "pages", 0, "text");
  assert.equal(text.slice(numberAt(hit, "char_start"), numberAt(hit, "char_end")), textAt(hit, "text"));
  assertHighlights(hit, "needle");
});

proves(
  ["POL-2", "ALL-9"],
  "tags and metadata compare after NFC, in searches and lists, and are kept as sent",
  async () => {
    const bucket = fresh("nfc");
    const spelt = (form: "NFC" | "NFD") => ({
      tags: ["Größe".normalize(form)],
      metadata: { ["Straße ü".normalize(form)]: "Müller".normalize(form) },
    });
    const forms = ["NFC", "NFD"] as const;
    const files = await Promise.all(
      forms.map((form) => api.indexed(`tugboat register ${form}`, { bucket, ...spelt(form) })),
    );
    // Two spellings of one tag on one file are one tag to compare, and both are kept.
    const both = ["ä", "a\u0308"];
    const twice = await api.indexed("tugboat twice", { bucket, tags: both, metadata: { ü: 1, "u\u0308": 1 } });
    assert.deepEqual(listAt((await api.get(`${FILES}/${twice}`)).json, "tags"), both);
    for (const [index, form] of forms.entries()) {
      const { tags, metadata } = spelt(form);
      const kept = (await api.get(`${FILES}/${files[index]}`)).json;
      assert.deepEqual([at(kept, "tags"), at(kept, "metadata")], [tags, metadata]);
      for (const filters of [{ tags }, { metadata }]) {
        const { json } = await api.search({ query: "tugboat", bucket, filters });
        const found = listAt(json, "results").map((result) => textAt(result, "file_id"));
        assert.deepEqual(found.sort(), [...files].sort(), `${form}: ${shown(json)}`);
      }
      const [[key = "", value = ""] = []] = Object.entries(metadata);
      for (const query of [{ tag: tags[0] ?? "" }, { [`metadata.${key}`]: value }]) {
        const { json } = await api.get(`${FILES}?${new URLSearchParams({ bucket, ...query })}`);
        const listed = listAt(json, "files").map((file) => textAt(file, "id"));
        assert.deepEqual(listed.sort(), [...files].sort(), `${form}: ${shown(json)}`);
      }
    }
  },
);

proves(["POL-2"], "terms are alternatives and no character is an operator", async () => {
  const bucket = fresh("terms");
  const [apple, pear] = [await api.indexed("an apple a day", { bucket }), await api.indexed("a pear tree", { bucket })];
  const cases: readonly (readonly [query: string, expected: readonly string[]])[] = [
    ["apple pear", [apple, pear]],
    ["apple AND nothing", [apple]],
    ["NOT apple", [apple]],
    ['"apple', [apple]],
    ["apple*", [apple]],
    ["app", []],
    ["(pear", [pear]],
    ["pear) OR (", [pear]],
    ["text:pear", [pear]],
    ["NEAR(pear, 5)", [pear]],
    ["-pear", [pear]],
    ["PEAR", [pear]],
    ["péar", [pear]],
    ["!!! ???", []],
    ["'; DROP TABLE chunks; --", []],
  ];
  for (const [query, expected] of cases) {
    const answer = await api.search({ query, bucket });
    assert.equal(answer.status, 200, query);
    const found = listAt(answer.json, "results").map((result) => textAt(result, "file_id"));
    assert.deepEqual([...found].sort(), [...expected].sort(), query);
  }
});

proves(["POL-2"], "a number with its sign is found before the number without it, and marked with it", async () => {
  const bucket = fresh("signs");
  const plain = await api.indexed("there are 10 ships, 40 of them old, and 5 boats", { bucket });
  const cases: readonly (readonly [query: string, text: string, marked: string])[] = [
    ["10%", "the discount for members of the club is 10 %, until the end of the year", "10 %"],
    ["€40", "the fee for a night at the northern quay is 40 €, and is paid before departure", "40 €"],
    ["-5", "the temperature in the cold store was −5 degrees, for most of the night", "−5"],
  ];
  for (const [query, text, marked] of cases) {
    const fileId = await api.indexed(text, { bucket });
    const results = listAt((await api.search({ query, bucket })).json, "results");
    assert.deepEqual(
      results.map((result) => textAt(result, "file_id")),
      [fileId, plain],
      query,
    );
    const [range] = listAt(results[0], "highlights");
    assert.equal(textAt(results[0], "text").slice(numberAt(range, 0), numberAt(range, 1)), marked);
  }
});

proves(["CRE-1"], "filters and buckets narrow the results; each result shows only searched buckets", async () => {
  const [left, right] = [fresh("left"), fresh("right")];
  const a = await api.indexed("shared words alpha", {
    bucket: left,
    bucket_slugs: [right],
    tags: ["x", "y"],
    metadata: { year: 2024, none: null },
  });
  const b = await api.indexed("shared words beta", { bucket: left, tags: ["x"], metadata: { year: "2024" } });
  const c = await api.indexed("shared words gamma", { bucket: right });
  const cases: readonly (readonly [what: string, body: Record<string, unknown>, expected: readonly string[]])[] = [
    ["one bucket", { bucket: left }, [a, b]],
    ["the other", { bucket: right }, [a, c]],
    ["both", { bucket_slugs: [left, right] }, [a, b, c]],
    ["a tag", { bucket: left, filters: { tags: ["x"] } }, [a, b]],
    ["two tags", { bucket: left, filters: { tags: ["x", "y"] } }, [a]],
    ["a number", { bucket: left, filters: { metadata: { year: 2024 } } }, [a]],
    ["a string", { bucket: left, filters: { metadata: { year: "2024" } } }, [b]],
    ["null", { bucket: left, filters: { metadata: { none: null } } }, [a]],
    ["a file", { bucket_slugs: [left, right], filters: { file_ids: [c] } }, [c]],
    ["an unknown file", { bucket: left, filters: { file_ids: ["file_nope", "x"] } }, []],
    ["a tag that nobody has", { bucket: left, filters: { tags: ["nobody"] } }, []],
    ["a limit", { bucket_slugs: [left, right], limit: 1 }, []],
  ];
  for (const [what, body, expected] of cases) {
    const answer = await api.search({ query: "shared words", ...body });
    assert.equal(answer.status, 200, `${what}: ${shown(answer.json)}`);
    const results = listAt(answer.json, "results");
    if (what === "a limit") assert.equal(results.length, 1);
    else assert.deepEqual(results.map((result) => textAt(result, "file_id")).sort(), [...expected].sort(), what);
    for (const result of results)
      for (const bucket of listAt(result, "buckets"))
        assert.ok(JSON.stringify(body).includes(textAt(bucket, "slug")), what);
    for (const count of ["buckets", "files", "chunks"]) numberAt(answer.json, "searched", count);
    listAt(answer.json, "searched", "terms_ignored");
  }
  assert.equal(
    numberAt((await api.search({ query: "x", bucket_slugs: [left, right] })).json, "searched", "buckets"),
    2,
  );
});

proves(["ALL-9", "CRE-3"], "a search that cannot be is 400 and says why", async () => {
  await api.create(1);
  const cases: readonly (readonly [what: string, body: Record<string, unknown>, code: string])[] = [
    ["no query", {}, "invalid_request"],
    ["an empty query", { query: "" }, "invalid_request"],
    ["a query of 2 001 characters", { query: "x".repeat(2001) }, "invalid_request"],
    ["a query that is a list", { query: ["a"] }, "invalid_request"],
    ["an unknown bucket", { query: "a", bucket: "nowhere" }, "bucket_assignment_failed"],
    ["an unknown bucket id", { query: "a", bucket_ids: ["bucket_nope"] }, "bucket_assignment_failed"],
    ["limit 0", { query: "a", limit: 0 }, "invalid_request"],
    ["limit 101", { query: "a", limit: 101 }, "invalid_request"],
    ["an unknown mode", { query: "a", mode: "psychic" }, "invalid_mode"],
    ["a mode that needs an embedder", { query: "a", mode: "semantic" }, "invalid_mode"],
    ["filters as a list", { query: "a", filters: [] }, "invalid_request"],
    ["a metadata filter that is no scalar", { query: "a", filters: { metadata: { a: [1] } } }, "invalid_request"],
    [
      "1 001 file_ids",
      { query: "a", filters: { file_ids: Array.from({ length: 1001 }, (_, index) => `file_${index}`) } },
      "invalid_request",
    ],
  ];
  for (const [what, body, code] of cases) {
    const answer = await api.search(body);
    assert.equal(answer.status, 400, `${what}: ${shown(answer.json)}`);
    assert.equal(textAt(answer.json, "error", "code"), code, what);
    if (code === "bucket_assignment_failed")
      assert.equal(listAt(answer.json, "error", "details", "unresolved").length, 1);
  }
  assert.equal((await api.search({ query: "x".repeat(2000) })).status, 200);
  assert.equal((await api.search({ query: "a", mode: "keyword" })).status, 200);
});

proves(
  ["ALL-6"],
  "a team's results and scores are the same before and after another team adds and deletes documents",
  async () => {
    assert.ok(otherTeam !== null);
    const bucket = fresh("steady");
    for (const text of [
      "harbour harbour pilots",
      "harbour lights at night",
      "the harbour of pilots and lights",
      "ballast",
    ])
      await api.indexed(text, { bucket });
    const look = async () => {
      const answers = await Promise.all(["harbour", "pilots lights", "ballast"].map((query) => api.search({ query })));
      return JSON.stringify(answers.map(({ json }) => without(json, "request_id")));
    };
    const before = await look();
    const theirs: string[] = [];
    for (let index = 0; index < 4; index++)
      theirs.push(await otherTeam.indexed(`harbour pilots lights ballast ${index}`, { bucket }));
    assert.equal(await look(), before);
    for (const fileId of theirs) await otherTeam.deleteFile(fileId);
    assert.equal(await look(), before);
  },
  { skip: otherTeam === null ? "needs a key of a second team" : false },
);

function assertHighlights(hit: unknown, query: string): void {
  const text = textAt(hit, "text");
  const words = query.toLowerCase().split(/\W+/);
  const ranges = listAt(hit, "highlights");
  assert.ok(ranges.length > 0, shown(hit));
  for (const range of ranges) {
    const word = text.slice(numberAt(range, 0), numberAt(range, 1)).toLowerCase();
    // A stem may match another ending: the beginnings agree.
    assert.ok(
      words.some((known) => known.slice(0, 3) === word.slice(0, 3)),
      `${word} is highlighted for ${query}`,
    );
  }
}

function fresh(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}`;
}
