const DAY_MS = 24 * 60 * 60 * 1000;
/** 9999-12-31, the last day that spreadsheets know. */
const LAST_SERIAL = 2_958_465;

/**
 * A spreadsheet's date serial as `2024-02-29`, `2024-02-29 12:30` or `12:30`; null when it is none. Serial 1 is 1900-01-01, and 60 the
 * 29th of February 1900, a day that never was: it is kept as the 28th, as the calendar before it is off by one. Workbooks from
 * old Macs count from 1904-01-01 = 0.
 */
export function serialDate(serial: number, date1904: boolean): string | null {
  if (!Number.isFinite(serial) || serial < 0 || serial > LAST_SERIAL + 1) return null;
  const days = Math.floor(serial);
  const minutes = Math.round((serial - days) * 24 * 60);
  const time = `${pad(Math.floor(minutes / 60) % 24)}:${pad(minutes % 60)}`;
  if (days === 0 && !date1904) return time;
  const epoch = date1904 ? Date.UTC(1904, 0, 1) : Date.UTC(1899, 11, days < 60 ? 31 : 30);
  const wholeDays = minutes === 24 * 60 ? days + 1 : days;
  const date = new Date(epoch + wholeDays * DAY_MS).toISOString().slice(0, 10);
  return minutes % (24 * 60) === 0 ? date : `${date} ${time}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
