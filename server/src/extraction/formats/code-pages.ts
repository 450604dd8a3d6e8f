/**
 * Windows', DOS' and the Macintosh's code pages by the names that `decoderOf` knows; the rest reads as windows-1252.
 */
export function codePage(number: number): string {
  if ((number >= 1250 && number <= 1258) || number === 874) return `windows-${number}`;
  return OTHERS[number] ?? "windows-1252";
}

const OTHERS: Readonly<Record<number, string>> = {
  437: "ibm437",
  850: "ibm850",
  852: "ibm852",
  866: "ibm866",
  932: "shift_jis",
  936: "gbk",
  949: "euc-kr",
  950: "big5",
  10000: "macintosh",
  20866: "koi8-r",
  65001: "utf-8",
};

/** The code page of a font's `\fcharset`; null = the document's own (0, and 1 "default"). */
export function fontCodePage(charset: number): string | null {
  return CHARSETS[charset] ?? null;
}

const CHARSETS: Readonly<Record<number, string>> = {
  77: "macintosh",
  128: "shift_jis",
  129: "euc-kr",
  134: "gbk",
  136: "big5",
  161: "windows-1253",
  162: "windows-1254",
  163: "windows-1258",
  177: "windows-1255",
  178: "windows-1256",
  186: "windows-1257",
  204: "windows-1251",
  222: "windows-874",
  238: "windows-1250",
};
