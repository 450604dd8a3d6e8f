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
    name: "RTF of one long run, double-byte characters at every odd place",
    bytes: rtf(`\\ansicpg932 x${"\x93\xfa".repeat(100_000)}`),
    gives: [`x${"日".repeat(100_000)}`],
  },
  {
    name: "RTF numbers of control words: signed, of ten digits at most, ended by one space",
    bytes: rtf("\\uc0\\u-8704\\u8364 \\u8364  a\\u00000083640\\u-x"),
    gives: ["\ufffd€€ a€0-x"],
  },
  { name: "RTF skips binary data by its length", bytes: rtf(" a{\\pict\\bin4 }}}}}b"), gives: ["ab"] },
  { name: "RTF that is cut off keeps what came before", bytes: "{\\rtf1 kept \\'e", gives: ["kept"] },
]);
