import assert from "node:assert/strict";
import { test } from "node:test";
import { givenPassage } from "../test-passages.ts";
import { quotesOf } from "./extractive-writer.ts";
import { sentencesOf } from "./sentences.ts";

const HARBOUR = `# Harbour rules

## Fees
The mooring fee is 40 euros a night for boats up to 12 metres. Longer boats pay 4 euros for each
metre more, at most 200 euros.
Fees are due before noon on the day of departure.

## Pilots
Ships longer than 60 metres need a pilot. A pilot is ordered 24 hours before arrival by VHF channel 12.`;

test("sentences: wrapped lines are read on, headings belong to what follows, offsets stay", () => {
  const read = sentencesOf(HARBOUR).map(({ start, end }) => HARBOUR.slice(start, end));
  assert.deepEqual(read, [
    "The mooring fee is 40 euros a night for boats up to 12 metres.",
    "Longer boats pay 4 euros for each\nmetre more, at most 200 euros.",
    "Fees are due before noon on the day of departure.",
    "Ships longer than 60 metres need a pilot.",
    "A pilot is ordered 24 hours before arrival by VHF channel 12.",
  ]);
});

test("sentences: a table's rows and a script without blanks", () => {
  const rows = "Part\tPrice\nKT-55-20\t12.50\nKT-55-21\t14.00";
  assert.deepEqual(
    sentencesOf(rows).map(({ start, end }) => rows.slice(start, end)),
    ["Part\tPrice", "KT-55-20\t12.50", "KT-55-21\t14.00"],
  );
  const japanese = "係留料は一泊40ユーロです。水先人は24時間前に手配します。";
  assert.deepEqual(
    sentencesOf(japanese).map(({ start, end }) => japanese.slice(start, end)),
    ["係留料は一泊40ユーロです。", "水先人は24時間前に手配します。"],
  );
  assert.deepEqual(sentencesOf(""), []);
});

const QUESTIONS = [
  ["How much is the mooring fee?", "The mooring fee is 40 euros a night for boats up to 12 metres."],
  ["Who needs a pilot?", "Ships longer than 60 metres need a pilot."],
  ["When are fees due?", "Fees are due before noon on the day of departure."],
  ["On which VHF channel is a pilot ordered?", "A pilot is ordered 24 hours before arrival by VHF channel 12."],
] as const;

for (const [question, answer] of QUESTIONS)
  test(`quotes: ${question}`, () => {
    const unrelated = givenPassage("The canteen opens at noon. Boats are painted in spring.", 1);
    assert.deepEqual(quotesOf(question, [givenPassage(HARBOUR), unrelated])[0], { passage: 0, text: answer });
  });

test("quotes: no padding, and nothing twice", () => {
  const same = givenPassage("Ships longer than 60 metres need a pilot.", 1);
  const quotes = quotesOf("Who needs a pilot?", [givenPassage(HARBOUR), same]);
  assert.deepEqual(
    quotes.filter(({ text }) => text === "Ships longer than 60 metres need a pilot."),
    [{ passage: 0, text: "Ships longer than 60 metres need a pilot." }],
  );
  assert.ok(
    quotes.every(({ text }) => /pilot/.test(text)),
    JSON.stringify(quotes),
  );
});

test("quotes: of a sentence that does not end, the part that was asked for", () => {
  const long = `${"alpha beta gamma ".repeat(200)}the anchor weighs 300 kilograms ${"delta epsilon ".repeat(200)}`;
  const [quote] = quotesOf("how heavy is the anchor", [givenPassage(long)]);
  assert.match(quote?.text ?? "", /^… .*the anchor weighs 300 kilograms.* …$/);
  assert.ok((quote?.text.length ?? 0) <= 420);
});

test("quotes: a passage that was found by its title alone is quoted from its beginning", () => {
  assert.deepEqual(quotesOf("winter", [givenPassage("The basin is closed. Ask the master.")]), [
    { passage: 0, text: "The basin is closed." },
  ]);
});
