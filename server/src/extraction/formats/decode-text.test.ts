import { checkPages } from "../fixtures/check-pages.ts";

const UTF16 = Buffer.from("Größe: 日本\n", "utf16le");
const KOI8 = Buffer.from("f0d2c9d7c5d42c20cdc9d221", "hex");
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
    name: "an unknown declared charset is guessed",
    bytes: Buffer.from("können", "latin1"),
    as: { declaredType: "text/plain; charset=x-own" },
    gives: ["können"],
  },
  {
    name: "JSON, CSV and Markdown stand as they are",
    bytes: '{"a": [1, "zwei"]}',
    as: { filename: "a.json" },
    gives: ['{"a": [1, "zwei"]}'],
  },
]);
