import { checkPages } from "../fixtures/check-pages.ts";
import { encodeText } from "../fixtures/encode-text.ts";

const UTF16 = Buffer.from("Größe: 日本\n", "utf16le");
const KOI8 = Buffer.from("f0d2c9d7c5d42c20cdc9d221", "hex");
/** Thirty lines of UTF-8, one of Latin-1 in the middle. */
const MIXED = Buffer.concat([
  Buffer.from("Größe und Maß\n".repeat(15)),
  Buffer.from("Maße\n", "latin1"),
  Buffer.from("Größe und Maß\n".repeat(15)),
]);
const LONG = "line ".repeat(300);

checkPages([
  {
    name: "text keeps its lines, whatever ends them, and loses controls",
    bytes: `${LONG}a\r\nb\rc\fd\u0001e\ufffef\u2028g\n\n`,
    gives: [`${LONG}a\nb\nc\ndef\ng`],
  },
  { name: "UTF-8 with a mark", bytes: "\ufeffGröße", gives: ["Größe"] },
  {
    name: "UTF-16 little-endian with a mark",
    bytes: Buffer.concat([Buffer.from("fffe", "hex"), UTF16]),
    gives: ["Größe: 日本"],
  },
  { name: "UTF-16 little-endian without a mark", bytes: UTF16, gives: ["Größe: 日本"] },
  { name: "UTF-16 big-endian without a mark", bytes: Buffer.from(UTF16).swap16(), gives: ["Größe: 日本"] },
  {
    name: "UTF-16 with a lone surrogate becomes well-formed",
    bytes: Buffer.from("fffe41003dd84200", "hex"),
    gives: ["A\ufffdB"],
  },
  { name: "UTF-32 with a mark", bytes: Buffer.from("fffe0000410000003df60100", "hex"), gives: ["A\u{1f63d}"] },
  { name: "UTF-32 without a mark", bytes: Buffer.from("000000410000007a0001f63d", "hex"), gives: ["Az\u{1f63d}"] },
  { name: "Latin-1 of a few words", bytes: Buffer.from("können äöüß", "latin1"), gives: ["können äöüß"] },
  {
    name: "a declared legacy charset",
    bytes: KOI8,
    as: { declaredType: "text/plain; charset=koi8-r" },
    gives: ["Привет, мир!"],
  },
  {
    name: "code pages of DOS, when they are declared",
    bytes: Buffer.from("Gr\x94\xe1e, Stra\xe1e, \xb3 na\x8bve", "latin1"),
    as: { declaredType: "text/plain; charset=ibm850" },
    gives: ["Größe, Straße, │ naïve"],
  },
  {
    name: "the code page of DOS that a page's meta names",
    bytes: Buffer.from("<html><meta charset=cp852><p>Za\xbe\xa2\x88\x86", "latin1"),
    gives: ["Zażółć"],
  },
  {
    name: "an unknown declared charset is guessed",
    bytes: Buffer.from("können", "latin1"),
    as: { declaredType: "text/plain; charset=x-own" },
    gives: ["können"],
  },
  {
    name: "a declared charset is believed though a byte of the text is bad",
    bytes: Buffer.concat([encodeText("本契約は、".repeat(200), "euc-jp"), Buffer.from([0xff])]),
    as: { declaredType: "text/plain; charset=euc-jp" },
    gives: [`${"本契約は、".repeat(200)}\ufffd`],
  },
  {
    name: "a bad byte in UTF-8 costs that byte",
    bytes: MIXED,
    gives: [`${"Größe und Maß\n".repeat(15)}Ma\ufffde\n${"Größe und Maß\n".repeat(15)}`.trimEnd()],
  },
  { name: "UTF-8 cut within a character", bytes: Buffer.from("Größe").subarray(0, -2), gives: ["Gr\u00f6\ufffd"] },
  { name: "ISO-2022-JP", bytes: encodeText("会議は金曜日です。", "iso-2022-jp"), gives: ["会議は金曜日です。"] },
  { name: "ISO-2022-KR", bytes: Buffer.from("\x1b$)CA \x0e0!3*\x0f.\n", "latin1"), gives: ["A 가나."] },
  { name: "colours of a terminal are no ISO-2022", bytes: "\x1b[1mbold\x1b(B\x1b[m", gives: ["[1mbold(B[m"] },
  {
    name: "UTF-16 of a script without statistics, without a mark",
    bytes: Buffer.from("यह समझौता लिखित रूप में ही बदला जा सकता है।", "utf16le"),
    gives: ["यह समझौता लिखित रूप में ही बदला जा सकता है।"],
  },
  {
    name: "the first legacy byte of a long export tells its encoding, wherever it stands",
    bytes: Buffer.concat([
      Buffer.from("plain line\n".repeat(20_000)),
      encodeText("Zażółć gęślą jaźń\n", "windows-1250"),
    ]),
    gives: [`${"plain line\n".repeat(20_000)}Zażółć gęślą jaźń`],
  },
  {
    name: "JSON, CSV and Markdown stand as they are",
    bytes: '{"a": [1, "zwei"]}',
    as: { filename: "a.json" },
    gives: ['{"a": [1, "zwei"]}'],
  },
]);
