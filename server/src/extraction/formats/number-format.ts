import { format, getFormatDateInfo, getFormatFromId } from "numfmt";
import { plainNumber } from "./plain-number.ts";

/** How a cell shows a number; made by `numberFormat`. */
export interface NumberFormat {
  /** In the format language of ECMA-376, 18.8.31; null = "General". */
  readonly code: string | null;
  readonly kind: "number" | "date" | "date and time" | "time";
}

/**
 * Excel takes no longer ones. The library's time is linear up to here and beyond; but for one token, that is quadratic.
 */
const MAX_CODE_CHARS = 255;

const GENERAL: NumberFormat = { code: null, kind: "number" };

/**
 * A workbook's own format `code`, or what is built in under `id` when it has none. One that the library refuses is
 * "General".
 */
export function numberFormat(id: number, code: string | undefined): NumberFormat {
  const said = code ?? getFormatFromId(id);
  if (said.length > MAX_CODE_CHARS || /^(?:general|standard|@)?$/i.test(said)) return GENERAL;
  try {
    return formatOf(said);
  } catch {
    return GENERAL;
  }
}

/**
 * Whole dates are written as ISO 8601 whatever their format: `03/04/24` means two days, and which one stands in no
 * file. What shows less than year, month and day (`May 24`, `12:30 PM`, `100:00:05`) is left as its author wanted it.
 */
function formatOf(code: string): NumberFormat {
  const { year, month, day, hours, seconds } = getFormatDateInfo(code);
  if (year && month && day) {
    const time = hours ? ` hh:mm${seconds ? ":ss" : ""}` : "";
    return { code: `yyyy-mm-dd${time}`, kind: hours ? "date and time" : "date" };
  }
  // The library calls the minutes of `mm:ss` a month.
  if (year || day || (month && !hours && !seconds)) return { code, kind: "date" };
  if (hours || seconds) return { code, kind: "time" };
  const plain = withoutLocales(code);
  format(plain, 1);
  return { code: plain, kind: "number" };
}

/**
 * `[$€-407]` means the sign and never the separators: in Excel these are the reader's own, and here always those of
 * English.
 */
function withoutLocales(code: string): string {
  return code.replace(/\[\$([^[\]-]*)-[^[\]]*\]/g, (_, sign: string) => (sign === "" ? "" : `[$${sign}]`));
}

/** 1904-01-01 in days of 1900: workbooks from old Macs count from there. */
const DAYS_TO_1904 = 1462;
/** 9999-12-31, the last day that spreadsheets know. */
const LAST_DAY = 2_958_465;

/** What the cell shows, perhaps nothing (`;;;`). `date1904`: the workbook counts its days from 1904. */
export function showNumber(value: number, { code, kind }: NumberFormat, date1904: boolean): string {
  if (code === null) return plainNumber(value);
  if (kind === "number") return shownBy(code, value);
  if (kind === "time") return value < 0 ? `-${format(code, -value)}` : format(code, value);
  const serial = date1904 ? value + DAYS_TO_1904 : value;
  if (serial < 0 || serial >= LAST_DAY + 1) return plainNumber(value);
  // A time alone in a column of dates: there is no day 0.
  if (kind === "date and time" && serial < 1) return format(code.slice("yyyy-mm-dd ".length), serial);
  return format(code, serial);
}

/** A condition that no section meets (`[>100]0`) shows hashes, which say nothing to a reader. */
function shownBy(code: string, value: number): string {
  const shown = format(code, value);
  return shown === HASHES ? plainNumber(value) : shown;
}

/** What the library gives by default. */
const HASHES = "######";
