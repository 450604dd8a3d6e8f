import { checkPages } from "../fixtures/check-pages.ts";

const rtf = (body: string) => Buffer.from(`{\\rtf1\\ansi${body}}`, "latin1");

checkPages([
  {
    name: "RTF escapes, code pages of fonts, Unicode with fallbacks, cells and pages",
    bytes: rtf(
      "\\ansicpg1252{\\fonttbl{\\f0\\fcharset0 Arial;}{\\f1\\fcharset204 Cyr;}}{\\*\\generator X;}{\\info{\\title T}}" +
        "K\\'f6nnen \\uc1\\u8364?\\u-10179?\\u-8704? {\\f1 \\'cf\\'f0\\'e8}\\par line\\emdash end\\page two\\cell three\\row",
    ),
    gives: ["Können €\u{1f600} При\nline—end", "two | three"],
  },
  {
    name: "RTF double-byte text, half escapes and half symbols",
    bytes: rtf("\\ansicpg932 \\'93\\'fa\\'96\\{\\'95\\\\"),
    gives: ["日本表"],
  },
  {
    name: "RTF of DOS' code pages, by number and by machine",
    bytes: rtf("\\pc K\\'94nnen {\\ansicpg852 \\'88} {\\pca \\'9b}"),
    gives: ["Können ł ø"],
  },
  {
    name: "RTF of one long run, double-byte characters at every odd place",
    bytes: rtf(`\\ansicpg932 x${"\x93\xfa".repeat(100_000)}`),
    gives: [`x${"日".repeat(100_000)}`],
  },
  {
    name: "RTF numbers of control words: signed, of ten digits at most, ended by one space",
    bytes: rtf("\\uc0\\u-8704\\u8364 \\u8364  a\\u00000083640\\u-x"),
    gives: ["\ufffd€€ a€0-x"],
  },
  {
    name: "RTF deleted and hidden text is left out until its group, a plain or a zero ends it",
    bytes: rtf(" a{\\deleted b\\par c}{\\v d{\\plain e}}\\deleted f\\deleted0 g\\v h\\plain i"),
    gives: ["aegi"],
  },
  {
    name: "RTF text boxes follow their paragraph, notes end their page; shapes' properties and what old readers show instead are left out",
    bytes: rtf(
      " The rent is {\\shp{\\*\\shpinst\\shpleft0{\\sp{\\sn name}{\\sv value}}{\\shptxt \\pard boxed\\page too\\par}}{\\shprslt old}}" +
        "900{\\footnote The {\\b note}.} EUR{\\*\\do\\dobypara{\\dptxbxtext drawn\\par}}.\\par next\\page two",
    ),
    gives: ["The rent is 900 EUR.\nboxed\ntoo\ndrawn\nnext\nThe note.", "two"],
  },
  {
    name: "an RTF star means a group only at its beginning",
    bytes: rtf("{\\b\\*\\cs7 kept}{\\*\\unknown gone}{\r\n\\*\\unknown gone too}"),
    gives: ["kept"],
  },
  {
    name: "RTF symbol fonts give what they draw, from bytes and from the private area, and other fonts of their kind their letters",
    bytes: rtf(
      "{\\fonttbl{\\f0 Arial;}{\\f1\\fcharset2 Symbol;}{\\f2\\fcharset2{\\*\\falt x}Wingdings;}{\\f3\\fcharset2 Barcode;}}" +
        "{\\f1 \\'b3 a\\u-3999?}{\\f2\\'fe}{\\f3 B7}\\plain a",
    ),
    gives: ["≥ αα☑B7a"],
  },
  {
    name: "RTF paragraphs and lines of a cell stay in its row",
    bytes: rtf(" before\\par\\trowd\\pard\\intbl a\\par b\\line c\\cell d\\cell\\row\\pard after\\par end"),
    gives: ["before\na b c | d\nafter\nend"],
  },
  {
    name: "RTF spaces of every width separate words",
    bytes: rtf(" a\\~b\\emspace c\\enspace d\\qmspace e"),
    gives: ["a b c d e"],
  },
  {
    name: "RTF words that are no control words of anything do nothing",
    bytes: rtf("\\constructor a\\toString b"),
    gives: ["ab"],
  },
  { name: "RTF skips binary data by its length", bytes: rtf(" a{\\pict\\bin4 }}}}}b"), gives: ["ab"] },
  { name: "RTF that is cut off keeps what came before", bytes: "{\\rtf1 kept \\'e", gives: ["kept"] },
]);
