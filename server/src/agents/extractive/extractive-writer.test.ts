import assert from "node:assert/strict";
import { test } from "node:test";
import { givenPassage } from "../test-passages.ts";
import { ExtractiveWriter, FAR_FROM_IT, FIRST_LINE, quotesOf } from "./extractive-writer.ts";
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
  const page = "The **pilots** are [listed here](/pilots#of-2026), by name [and] rank (all of them).";
  assert.equal(
    quotesOf("pilots", [givenPassage(page)])[0]?.text,
    "The pilots are listed here, by name [and] rank (all of them).",
  );
  assert.equal(quotesOf("pilots", [givenPassage("[](#pilots)")])[0]?.text, "[](#pilots)");
  const wiki = "Eider ducks dive.[11][12] Mallards dabble at the surface.[13] Geese graze.";
  assert.equal(quotesOf("where do mallards dabble", [givenPassage(wiki)])[0]?.text, "Mallards dabble at the surface.");
});

const MACHINE = `Questions about the espresso machine K200

Q: The machine does not heat up. What can I do?
A: Check that the tank holds at least 200 ml of water.

Q: How often must I descale it?
A: Every 250 cups, or every two months with hard water.

Q: What does error E7 mean?
A: The coffee grounds container is full. Empty it.`;

const PARTS = `article,description,price,stock
KT-55-20,Hex bolt M8x40 of stainless steel,0.42,12000
KT-71-03,Wing nut M6 of brass,0.31,400`;

const MINUTES = `## 1. Present
Dr. Anna Keller (chair), Tom Osei.

## 2. Decisions
Only what follows was decided:
- Luis Ortega becomes security officer of e.g. the port.
Der Vertrag endet am 31. März 2027.`;

const LIMITS_TABLE = `| what | limit |
|---|---|
| size of a file | 25 MiB |
| tags of a file | 20 |`;

const LAKE = `Lake Ohrid lies in the mountains between two countries. Lake Ohrid has a depth of 288 metres.`;

const ANSWERED = [
  [MACHINE, "How often should I descale?", "Every 250 cups, or every two months with hard water."],
  [MACHINE, "What does error E7 mean?", "The coffee grounds container is full."],
  [PARTS, "What does the wing nut cost?", "KT-71-03,Wing nut M6 of brass,0.31,400"],
  [MINUTES, "Who is the chair?", "Dr. Anna Keller (chair), Tom Osei."],
  [MINUTES, "Who is the new security officer?", "Luis Ortega becomes security officer of e.g. the port."],
  [MINUTES, "Wann endet der Vertrag?", "Der Vertrag endet am 31. März 2027."],
  [LIMITS_TABLE, "How many tags may a file have?", "tags of a file 20"],
  [LIMITS_TABLE, "How large may a file be?", "size of a file 25 MiB"],
  [LAKE, "How deep is Lake Ohrid?", "Lake Ohrid has a depth of 288 metres."],
  [
    "Ducks lead their ducklings to water. A duckling is a young duck.",
    "What is a duckling?",
    "A duckling is a young duck.",
  ],
] as const;

for (const [text, question, answer] of ANSWERED)
  test(`quotes: the sentence that answers stands first: ${question}`, () => {
    assert.equal(quotesOf(question, [givenPassage(text)])[0]?.text, answer);
  });

test("quotes: there is one, whatever a passage is made of", () => {
  for (const text of ["|-|\n|-|", "# Harbour", "Where? When?", "a,b,c\nd,e,f", "1. 2. 3.", "(", "Only this:"])
    assert.equal(quotesOf("Where is the pilot?", [givenPassage(text)]).length, 1, text);
});

test("quotes: words that questions are made of do not make a sentence an answer", () => {
  const given = [
    givenPassage("You get two days for your wedding."),
    givenPassage("The header says how many seconds to wait. Overtime may often be taken off.", 1),
  ];
  assert.deepEqual(quotesOf("How many days off may I get for my wedding?", given), [
    { passage: 0, text: "You get two days for your wedding." },
  ]);
});

test("an answer says when its sentences share little with the question", async () => {
  const passages = [givenPassage("The site was declared a World Heritage Site in 1979.")];
  const firstLineOf = async (question: string) => {
    for await (const part of new ExtractiveWriter().write({ question, instructions: "", turns: [], passages }))
      return part.kind === "text" ? part.text : "";
    return "";
  };
  assert.equal(await firstLineOf("Who won the football world cup in Brazil?"), `${FIRST_LINE} ${FAR_FROM_IT}`);
  assert.equal(await firstLineOf("When was the site declared?"), FIRST_LINE);
});
