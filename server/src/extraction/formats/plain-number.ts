/**
 * The shortest number of the 15 digits that a spreadsheet knows: files hold 19.989999999999998 where the author typed
 * 19.99. Unlike a cell, whose width is limited, it keeps twelve and more digits: they are article and account numbers,
 * and searched for.
 */
export function plainNumber(value: number): string {
  if (Number.isSafeInteger(value)) return String(value);
  return String(Number(value.toPrecision(15))).toUpperCase();
}
