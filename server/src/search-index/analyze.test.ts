import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { analyze, readText, tokenText } from "./analyze.ts";
import { highlighter } from "./highlights.ts";
import { readQuery } from "./query-terms.ts";

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
      ["CONSULTANT’S non-compliance; don't", "consult non complianc don noncompli"],
      ["l'homme, l’État", "l homm l etat"],
      ["École naïve Straße Ærø Łódź İstanbul", "ecol naiv strass aero lodz istanbul aero"],
      ["e\u0301cole ﬁnance Ⅻ ２０２４", "ecol financ xii 2024"],
      ["exam\u00adple co\u2060operate", "exampl cooper"],
      ["Ελλάς ΣΊΣΥΦΟΣ", "ελλασ σισυφοσ"],
      ["مُحَمَّد محمد", "محمد محمد"],
      ["लोग की", "लोग की"],
      ["V11.5 3,000 snake_case", "v11 5 3 000 snake case v 11 v115 11ꞏ5 3000 snakecas"],
      ["東京都", "東 東京 京 京都 都"],
      ["カタカナ ﾊﾞｽ", "カタ タカ カナ バス"],
      ["한국어 \u1112\u1161\u11ab", "한 한국 국 국어 어 한"],
      ["ไทย", "ไท ทย"],
      ["水", "水"],
      ["iPhone15手机", "iphone15 手 手机 机 i phone 15"],
      ["-- ** ½ %", "1 2"],
      ["10% of $1,234.50", "10 of 1 234 50 1234ꞏ50 1234 10％ 1234ꞏ50＄"],
      ["", ""],
    ];
    for (const [text, terms] of cases) assert.equal(tokenText(text), terms, text);
  });

  test("one thing that is spelled in several ways has a term that all of them share", () => {
    const cases: readonly (readonly string[])[] = [
      ["KT-55-20", "KT5520", "kt/55/20", "KT 55-20".replace(" ", "-")],
      ["e-mail", "email", "E‑Mail"],
      ["4,000", "4000", "4 000", "4\u00a0000", "4'000"],
      ["ABC123", "ABC-123", "abc_123"],
      ["maxRetryCount", "max_retry_count", "max-retry-count", "MAX.RETRY.COUNT"],
      ["DE89 3704 0044 0532 0130 00", "DE89370400440532013000"],
      ["GB29 NWBK 6016 1331 9268 19", "GB29NWBK60161331926819"],
      ["040 555 1234", "0405551234", "040-555-1234"],
      ["v3.5.1", "3.5.1"],
      ["Müller", "Mueller", "MU\u0308LLER"],
      ["Ångström", "Aangstroem"],
      ["smørrebrød", "smoerrebroed"],
      ["٢٠٢٤", "2024", "۲۰۲۴"],
      ["کتاب", "كتاب"],
      ["O'Brien", "O’Brien", "OʼBrien", "obrien"],
      ["Hawaiʻi", "Hawai'i", "Hawaii"],
      ["п'ять", "п’ять", "пʼять"],
      ["צה״ל", 'צה"ל', "צהל"],
      ["हिन्दी", "हिंदी"],
      ["फ़िल्म", "फिल्म"],
      ["Brand™", "brand", "BRAND℠"],
      ["№5", "№ 5", "5"],
      ["M8×40", "M8x40"],
      ["19.90", "19,90", "7,19.90,3"],
      ["v3.5", "3.5"],
      ["1,234.56", "1.234,56", "1 234,56", "1\u202f234,56", "1'234.56", "1’234.56", "1234.56", "1234,56"],
      ["12,345,678.9", "12345678.9"],
      ["1’000", "1'000", "1000"],
      ["5кг", "кг"],
      ["note²", "note"],
      ["“iPhone15”", "phone"],
      ["+49 (0)40 555-1234", "0049 40 5551234", "040/555 1234", "(040) 555 1234", "0405551234"],
      ["+1 (555) 123-4567", "5551234567", "(555) 123-4567", "555-123-4567"],
    ];
    for (const spellings of cases) {
      const [first = new Set<string>(), ...others] = spellings.map(
        (text) => new Set(analyze(text).map(({ term }) => term)),
      );
      const shared = [...first].filter((term) => others.every((terms) => terms.has(term)));
      assert.ok(shared.length > 0, spellings.join(" | "));
    }
  });

  test("other numbers and other words stay others, and an IBAN ends before the words behind it", () => {
    const cases: readonly (readonly [text: string, other: string])[] = [
      ["19.90", "1990"],
      ["10³", "103"],
      ["l'homme", "lhomme"],
      ["0.75 0.75 0.8", "07507508"],
    ];
    for (const [text, other] of cases) {
      const terms = new Set(analyze(text).map(({ term }) => term));
      assert.ok(!analyze(other).some(({ term }) => terms.has(term)), `${text} is ${other}`);
    }
    for (const text of ["to DE89 3704 0044 0532 0130 00 of a man", "GB29 NWBK 6016 1331 9268 19 by June"])
      assert.ok(
        analyze(text).some(({ term }) => /^(?:de89370400440532013000|gb29nwbk60161331926819)$/.test(term)),
        text,
      );
  });

  test("a part of a run is found by itself: a file of a path, a host of an address, a number beside a comma", () => {
    const cases: readonly [string, string][] = [
      ["/etc/wharf/main.conf", "main.conf"],
      ["j.lee@north.example", "north.example"],
      ["192.168.1.10:8080", "192.168.1.10"],
      ["KT-55-20,10.1.2.3,2024-06-11,19.90", "2024-06-11"],
    ];
    for (const [text, part] of cases) {
      const [joined] = readText(part).forms;
      assert.ok(
        analyze(text).some(({ term }) => term === joined?.term),
        `${text} has no ${joined?.term}`,
      );
    }
  });

  test("C++ and C# are words of their own, and a # behind a longer word is none", () => {
    const cases: readonly [string, string][] = [
      ["C++ or C", "c＋＋ or c c"],
      ["C# F#, c#code", "c＃ f＃ c code c f ccode"],
      ["C++17 and C#7", "c＋＋ 17 and c＃ 7 c c"],
      ["C++编程", "c＋＋ 编 编程 程 c"],
      ["Notepad++", "notepad notepad＋＋"],
      [".NET “.NET” ASP.NET", "net net asp net ꞏnet ꞏnet aspnet"],
      ["最が.NET 𝔘.NET é.NET", "最 最が net u net e net ꞏnet unet enet"],
      ["the end .5 ...and a.b", "the end 5 and a b ab"],
      ["Item# 5, a+b", "item 5 a b ab"],
    ];
    for (const [text, terms] of cases) assert.equal(tokenText(text), terms, text);
  });

  test("a number with a sign is that number, and that number with the sign, however it is written", () => {
    const cases: readonly (readonly [term: string, spellings: readonly string[]])[] = [
      ["10％", ["10%", "10 %", "10\u00a0%", "(10%)", "約10％増", "１０％"]],
      ["12ꞏ5％", ["12.5%", "12,5 %", "-12.5%"]],
      ["40€", ["€40", "€ 40", "40€", "40 €"]],
      ["40＄", ["$40", "US$40", "40$"]],
      ["1234ꞏ50£", ["£1,234.50", "1.234,50 £"]],
      ["1000¥", ["¥1000", "￥1,000"]],
      ["－5", ["-5", "to -5 degrees", "−5", "–5", "(-5)"]],
    ];
    for (const [term, spellings] of cases)
      for (const text of spellings) assert.ok(tokenText(text).split(" ").includes(term), `${text}: ${tokenText(text)}`);
    for (const text of [
      "%20",
      "a%20b",
      "10%20",
      "1.2.3%",
      "v2.0%",
      "10-20",
      "KT-55",
      "- 5",
      "2024-03-15",
      "$ a",
      "5m$",
    ])
      assert.doesNotMatch(tokenText(text), /[％＄－]/, text);
  });

  test("version 2 reads words as an index of its time holds them", () => {
    const { words, forms } = readText("Brand™ C++ пʼять №5 10³ ٢٠٢٤ M8×40", 2);
    assert.equal(words.map(({ term }) => term).join(" "), "brandtm c＋＋ пʼять no5 103 2024 m8 40");
    assert.deepEqual(forms, []);
  });

  test("version 1 reads what an index of the first format holds", () => {
    const cases: readonly [string, string][] = [
      ["C++ ABC-123 ٢٠٢٤ کتاب Müller", "c abc 123 ٢٠٢٤ کتاب muller"],
      ["v11.5 東京都", "v11 5 東 東京 京 京都 都"],
    ];
    for (const [text, terms] of cases) {
      const { words, forms } = readText(text, 1);
      assert.equal(words.map(({ term }) => term).join(" "), terms);
      assert.deepEqual(forms, []);
    }
  });

  test("a form begins where a character begins", () => {
    const version = readText("𝐯3.5").forms.at(-1);
    assert.deepEqual(version, { term: "3ꞏ5", start: 2, end: 5, pieces: ["v3", "5"], kind: "joined", of: "" });
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

  test("words come in order of their start, forms behind them, and tokenText is their terms", () => {
    fc.assert(
      fc.property(arbitraryText, (text) => {
        const { words, forms } = readText(text);
        assert.ok(words.every((word, i) => word.start >= (words[i - 1]?.start ?? 0)));
        assert.equal(tokenText(text), [...words, ...forms].map((token) => token.term).join(" "));
      }),
      { numRuns: 1000 },
    );
  });

  test("a term holds no space, no ASCII but a–z and 0–9, no separator but a sign, and is at most 64 units long", () => {
    fc.assert(
      fc.property(arbitraryText, (text) => {
        for (const { term } of analyze(text)) {
          assert.match(term, /^－?(?:[a-z0-9]|[\p{L}\p{M}\p{N}\p{Co}])+(?:＋＋|＃|[％‰＄]|[\p{Sc}--\p{ASCII}])?$/v);
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
      { numRuns: 1000, examples: [["が.NET"], ["é.NET"], ["\u{1d518}.NET"]] },
    );
  });

  test("any two neighbouring characters of an unspaced text find it, wherever they were cut out", () => {
    const text = "太平洋戦争を前に、日本やドイツは감염병예방법관련규정";
    const indexed = new Set(tokenText(text).split(" "));
    for (let at = 0; at + 2 <= text.length; at++) {
      for (const { term } of readQuery(text.slice(at, at + 2)).terms) {
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
        readQuery(text).terms.map((word) => [word.term, word.spelled, word.weight]),
        expected,
        text,
      );
  });

  test("what a query says again and again is looked for once, and what it wants next to each other is bounded", () => {
    assert.equal(readQuery("x y ".repeat(500)).pairs.length, 2);
    assert.equal(readQuery('"x y" '.repeat(300)).phrases.length, 1);
    const letters = Array.from({ length: 1000 }, (_, n) => ((n * 7919) % 1296).toString(36)).join(" ");
    assert.ok(readQuery(letters).pairs.length <= 128);
  });
});

describe("highlights", () => {
  test("ranges are exactly what matched: in order, apart, and each reads to a wanted term", () => {
    fc.assert(
      fc.property(arbitraryText, arbitraryText, (text, query) => {
        const terms = new Set(readQuery(query + text.slice(0, 5)).terms.map((word) => word.term));
        let before = -1;
        for (const [start, end] of highlighter(terms)(text)) {
          assert.ok(start > before && start < end && end <= text.length);
          before = end;
          const marked = analyze(text.slice(start, end));
          const together = analyze(
            marked.map((token) => text.slice(start, end).slice(token.start, token.end)).join(""),
          );
          assert.ok([...marked, ...together].some((token) => terms.has(token.term)));
        }
      }),
      { numRuns: 1000, examples: [["  𐀀 ½", "⑿"]] },
    );
  });

  test("every word whose term is wanted is marked, whatever suffixes it is of", () => {
    const part = fc.constantFrom(
      ..."abeis".split(""),
      "sses",
      "ies",
      "eed",
      "ing",
      "ed",
      "y",
      "ational",
      "izer",
      "logi",
    );
    const word = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), fc.nat(5), (words, at) => {
        const text = words.join(" ");
        const wanted = new Set([readText(words[at % words.length] ?? "").words[0]?.term ?? ""]);
        const { words: read } = readText(text);
        assert.deepEqual(
          highlighter(wanted)(text),
          read.filter(({ term }) => wanted.has(term)).map(({ start, end }) => [start, end]),
        );
      }),
      { numRuns: 2000 },
    );
  });

  test("each occurrence is marked, with its accents, and pairs of an unspaced script become one range", () => {
    const marked = (text: string, query: string) =>
      highlighter(new Set(readQuery(query).terms.map((word) => word.term)))(text).map(([start, end]) =>
        text.slice(start, end),
      );
    assert.deepEqual(marked("Runs: he RUNS, she’s running.", "run"), ["Runs", "RUNS", "running"]);
    assert.deepEqual(marked("l'e\u0301cole, ECOLE", "école"), ["e\u0301cole", "ECOLE"]);
    assert.deepEqual(marked("今日は東京都の天気", "東京都"), ["東京都"]);
    assert.deepEqual(marked("nothing", "else"), []);
    assert.deepEqual(marked("½ and 1 2", "12"), []);
    assert.deepEqual(marked("ISO 9001, an M8 x 40, iPhone 15", "iso9001 M8x40 iPhone15"), [
      "ISO 9001",
      "M8 x 40",
      "iPhone 15",
    ]);
    assert.deepEqual(marked("health care and healthcare", "healthcare"), ["healthcare"]);
    assert.deepEqual(marked("Health care, an HTML parser", "healthcare HTMLParser"), ["Health care", "HTML parser"]);
  });
});
