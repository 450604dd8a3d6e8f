import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { analyze, tokenText } from "./analyze.ts";
import { highlights } from "./highlights.ts";
import { queryTerms } from "./query-terms.ts";

/** Texts as they come in documents: several scripts, decomposed letters, compatibility forms, halves of pairs. */
const arbitraryPiece = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom(
    "running",
    "CONSULTANT’S",
    "don't",
    "école",
    "e\u0301cole",
    "ﬁnance",
    "½",
    "Straße",
    "東京都",
    "한국어",
    "สวัสดี",
    "ﾊﾞｽ",
  ),
  fc.constantFrom(" ", "\n", "'", "’", "\u00ad", "\u200b", "\u0301", "\ud800", "0", "a"),
);
const arbitraryText = fc.array(arbitraryPiece, { maxLength: 12 }).map((pieces) => pieces.join(""));

describe("analyser", () => {
  test("terms are folded, stemmed and cut as the table says", () => {
    const cases: readonly [string, string][] = [
      ["The QUICK brown foxes jumped", "the quick brown fox jump"],
      ["relational databases, database", "relat databas databas"],
      ["CONSULTANT’S non-compliance; don't", "consult non complianc don"],
      ["l'homme, l’État", "l homm l etat"],
      ["École naïve Straße Ærø Łódź İstanbul", "ecol naiv strass aero lodz istanbul"],
      ["e\u0301cole ﬁnance Ⅻ ２０２４", "ecol financ xii 2024"],
      ["exam\u00adple co\u2060operate", "exampl cooper"],
      ["Ελλάς ΣΊΣΥΦΟΣ", "ελλασ σισυφοσ"],
      ["مُحَمَّد محمد", "محمد محمد"],
      ["लोग की", "लोग की"],
      ["V11.5 3,000 snake_case", "v11 5 3 000 snake case"],
      ["東京都", "東 東京 京 京都 都"],
      ["カタカナ ﾊﾞｽ", "カタ タカ カナ バス"],
      ["한국어 \u1112\u1161\u11ab", "한 한국 국 국어 어 한"],
      ["ไทย", "ไท ทย"],
      ["水", "水"],
      ["iPhone15手机", "iphone15 手 手机 机"],
      ["-- ** ½ %", "1 2"],
      ["", ""],
    ];
    for (const [text, terms] of cases) assert.equal(tokenText(text), terms, text);
  });

  test("a token's range of the original reads to its term again", () => {
    fc.assert(
      fc.property(arbitraryText, (text) => {
        for (const { term, start, end } of analyze(text)) {
          assert.ok(start < end && end <= text.length);
          const again = tokenText(text.slice(start, end)).split(" ");
          assert.ok(again.includes(term), `${JSON.stringify(text.slice(start, end))} reads ${again}, not ${term}`);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("tokens come in order of their start, and tokenText is their terms", () => {
    fc.assert(
      fc.property(arbitraryText, (text) => {
        const tokens = analyze(text);
        assert.ok(tokens.every((token, i) => token.start >= (tokens[i - 1]?.start ?? 0)));
        assert.equal(tokenText(text), tokens.map((token) => token.term).join(" "));
      }),
      { numRuns: 1000 },
    );
  });

  test("a term holds no space, no separator and no ASCII but a–z and 0–9, and is at most 64 units long", () => {
    fc.assert(
      fc.property(arbitraryText, (text) => {
        for (const { term } of analyze(text)) {
          assert.match(term, /^(?:[a-z0-9]|[\p{L}\p{M}\p{N}\p{Co}])+$/u);
          assert.doesNotMatch(term, /[A-Z_ ]/);
          assert.ok(term.length <= 64);
        }
      }),
      { numRuns: 1000 },
    );
    assert.deepEqual(analyze("x".repeat(5000)), [{ term: "x".repeat(64), start: 0, end: 5000 }]);
    assert.equal(tokenText(`${"a".repeat(63)}𝔘ﬃé`).length, 64);
  });

  test("composed and decomposed, capital and small, wide and narrow spellings are one word", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 20 }), (text) => {
        assert.equal(tokenText(text.normalize("NFD")), tokenText(text.normalize("NFC")));
      }),
      { numRuns: 1000 },
    );
  });

  test("any two neighbouring characters of an unspaced text find it, wherever they were cut out", () => {
    const text = "太平洋戦争を前に、日本やドイツは감염병예방법관련규정";
    const indexed = new Set(tokenText(text).split(" "));
    for (let at = 0; at + 2 <= text.length; at++) {
      for (const { term } of queryTerms(text.slice(at, at + 2))) {
        const single = term.length === 1 && !/[\p{sc=Han}\p{sc=Hang}]/u.test(term);
        if (!single) assert.ok(indexed.has(term), term);
      }
    }
  });
});

describe("query terms", () => {
  test("stop words go unless there is nothing else; repeated words weigh more, at most three times", () => {
    const cases: readonly [string, readonly (readonly [string, string, number])[]][] = [
      [
        "What is the Cost of delays",
        [
          ["cost", "Cost", 1],
          ["delai", "delays", 1],
        ],
      ],
      [
        "to be or not",
        [
          ["to", "to", 1],
          ["be", "be", 1],
          ["or", "or", 1],
          ["not", "not", 1],
        ],
      ],
      [
        "tax Taxes TAX taxing cost",
        [
          ["tax", "tax", 3],
          ["cost", "cost", 1],
        ],
      ],
      [
        "東京都",
        [
          ["東京", "東京", 1],
          ["京都", "京都", 1],
        ],
      ],
      [
        "水 と",
        [
          ["水", "水", 1],
          ["と", "と", 1],
        ],
      ],
      ["!?", []],
    ];
    for (const [text, expected] of cases)
      assert.deepEqual(
        queryTerms(text).map((word) => [word.term, word.spelled, word.weight]),
        expected,
        text,
      );
  });
});

describe("highlights", () => {
  test("ranges are exactly what matched: in order, apart, and each reads to a wanted term", () => {
    fc.assert(
      fc.property(arbitraryText, arbitraryText, (text, query) => {
        const terms = new Set(queryTerms(query + text.slice(0, 5)).map((word) => word.term));
        let before = -1;
        for (const [start, end] of highlights(text, terms)) {
          assert.ok(start > before && start < end && end <= text.length);
          before = end;
          assert.ok(analyze(text.slice(start, end)).some((token) => terms.has(token.term)));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("each occurrence is marked, with its accents, and pairs of an unspaced script become one range", () => {
    const marked = (text: string, query: string) =>
      highlights(text, new Set(queryTerms(query).map((word) => word.term))).map(([start, end]) =>
        text.slice(start, end),
      );
    assert.deepEqual(marked("Runs: he RUNS, she’s running.", "run"), ["Runs", "RUNS", "running"]);
    assert.deepEqual(marked("l'e\u0301cole, ECOLE", "école"), ["e\u0301cole", "ECOLE"]);
    assert.deepEqual(marked("今日は東京都の天気", "東京都"), ["東京都"]);
    assert.deepEqual(marked("nothing", "else"), []);
  });
});
