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
  { name: "RTF skips binary data by its length", bytes: rtf(" a{\\pict\\bin4 }}}}}b"), gives: ["ab"] },
  { name: "RTF that is cut off keeps what came before", bytes: "{\\rtf1 kept \\'e", gives: ["kept"] },
]);
