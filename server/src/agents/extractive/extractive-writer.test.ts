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

test("quotes: what two documents say in nearly the same words is quoted once", () => {
  const [a, b] = [
    "Ships longer than 60 metres need a pilot before they enter.",
    "Ships longer than 60 metres need a pilot, before they enter!",
  ];
  assert.deepEqual(quotesOf("Who needs a pilot?", [givenPassage(a ?? "", 0), givenPassage(b ?? "", 1)]), [
    { passage: 0, text: a },
  ]);
});

test("quotes: sentences that share one of the question's words with the first, and nothing else, are padding", () => {
  const text = [
    "Armstrong was eager to discover a device.",
    "Armstrong told him of his device.",
    "Armstrong showed the device to a friend.",
    "Armstrong had friends in the city.",
    "Armstrong invented FM radio in 1933.",
  ].join(" ");
  const quotes = quotesOf("When was FM radio invented by Armstrong?", [givenPassage(text)]);
  assert.deepEqual(quotes, [{ passage: 0, text: "Armstrong invented FM radio in 1933." }]);
  assert.equal(quotesOf("How did Armstrong die?", [givenPassage(text)]).length, 1);
});

test("quotes: a question for a number prefers a sentence with one", () => {
  const text =
    "Codes have a lifetime that is short. The lifetime of codes is 10 minutes. Lifetime and codes are defined.";
  assert.equal(
    quotesOf("How long is the lifetime of codes?", [givenPassage(text)])[0]?.text,
    "The lifetime of codes is 10 minutes.",
  );
});

test("quotes: what stands beside a sentence says what it is about", () => {
  const text = "The canteen was built of wood. It opens at noon. The crane is blue. It was built in Lisbon.";
  const quotes = quotesOf("Where was the crane built?", [givenPassage(text)]);
  const place = (words: string) => quotes.findIndex((quote) => quote.text.includes(words));
  assert.ok(
    place("Lisbon") !== -1 && (place("wood") === -1 || place("Lisbon") < place("wood")),
    JSON.stringify(quotes),
  );
});

test("quotes: rows and bold words of Markdown, and numbers of notes, are not quoted as they are drawn", () => {
  const table = [
    "| # | Rule |",
    "| :-- | :-- |",
    "| **6.2.0** | Users can change the password that they have, whenever they like |",
    "| **6.2.1** | Passwords have at least 8 characters, and better 15 of them |",
  ].join("\n");
  assert.equal(
    quotesOf("length of passwords characters", [givenPassage(table)])[0]?.text,
    "6.2.1 Passwords have at least 8 characters, and better 15 of them",
  );
  const wiki = "Eider ducks dive.[11][12] Mallards dabble at the surface.[13] Geese graze.";
  assert.equal(quotesOf("where do mallards dabble", [givenPassage(wiki)])[0]?.text, "Mallards dabble at the surface.");
});
